/**
 * The states of published objects, in files (docs/paging.md, "Published objects").
 *
 * @module
 */

import { positiveInteger } from "../../transport/base/checks.ts";
import type { PublishedStorage } from "./published_storage.ts";

/** Names that cannot lead out of a directory. */
const NAME = /^[\w%-][\w%.-]*$/;

/** Options of {@linkcode DirectoryPublishedStorage}. */
export interface DirectoryPublishedStorageOptions {
  /**
   * Maximum number of bytes to keep; the states saved first are removed first. Defaults to
   * 268,435,456 (256 MiB).
   */
  maxBytes?: number;
  /** Maximum number of states to keep; those saved first are removed first. Defaults to 10,000. */
  maxStates?: number;
}

/**
 * Keeps states in a directory of their own, one file each, readable only by the user who runs this
 * program. Only one storage should use the directory at a time: what another one keeps there is
 * found, but not counted.
 *
 * @example
 * ```ts
 * import { DirectoryPublishedStorage } from "@perspective/broker/broker";
 * import { assertEquals } from "@std/assert";
 *
 * const directory = await Deno.makeTempDir();
 * const storage = new DirectoryPublishedStorage(directory);
 * await storage.save("a.pub", Uint8Array.of(1, 2));
 * assertEquals(await storage.load("a.pub"), Uint8Array.of(1, 2));
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export class DirectoryPublishedStorage implements PublishedStorage {
  readonly #directory: string;
  readonly #maxBytes: number;
  readonly #maxStates: number;
  /**
   * Sizes of the files in bytes, in the order in which they were saved; read when something is to
   * be kept for the first time.
   */
  #sizes: Map<string, number> | undefined;
  #bytes = 0;
  /** Settles when the last save has ended: they run one after the other. */
  #last: Promise<void> = Promise.resolve();

  /**
   * Creates a storage.
   *
   * @param directory Path of the directory, which is created when something is to be kept.
   * @param options How much to keep.
   * @throws {RangeError} If a limit is not a positive integer.
   */
  constructor(directory: string, options: DirectoryPublishedStorageOptions = {}) {
    this.#directory = directory;
    const { maxBytes = 256 * 1024 * 1024, maxStates = 10_000 } = options;
    this.#maxBytes = positiveInteger("maxBytes", maxBytes);
    this.#maxStates = positiveInteger("maxStates", maxStates);
  }

  /**
   * Loads what was kept.
   *
   * @param name The name.
   * @returns The bytes, or undefined if there are none.
   * @throws {TypeError} If the name could lead out of the directory.
   */
  async load(name: string): Promise<Uint8Array | undefined> {
    const path = this.#path(name);
    // Saves that were begun earlier must be visible.
    await this.#last;
    return await ifFound(Deno.readFile(path));
  }

  /**
   * Keeps bytes; more than `maxBytes` are not kept at all.
   *
   * @param name The name.
   * @param bytes The bytes.
   * @returns Resolves when the file is complete.
   * @throws {TypeError} If the name could lead out of the directory.
   * @throws {Error} If the file cannot be written, for example because the disk is full; nothing is
   * left of it then, and what was kept under that name stays.
   */
  save(name: string, bytes: Uint8Array): Promise<void> {
    const saved = this.#last.then(() => this.#save(name, bytes));
    this.#last = saved.catch(() => {});
    return saved;
  }

  async #save(name: string, bytes: Uint8Array): Promise<void> {
    const path = this.#path(name);
    if (bytes.length > this.#maxBytes) return;
    await Deno.mkdir(this.#directory, { recursive: true });
    const sizes = this.#sizes ??= await this.#found();
    // Half a file must never be found, even if this program ends now.
    const half = `${path}.new`;
    try {
      await Deno.writeFile(half, bytes, { mode: 0o600 });
      await Deno.rename(half, path);
    } catch (error) {
      // Nothing would count the half file. If it cannot be removed either, the first error matters
      // more.
      await Deno.remove(half).catch(() => {});
      throw error;
    }
    this.#forget(sizes, name);
    sizes.set(name, bytes.length);
    this.#bytes += bytes.length;
    for (const oldest of sizes.keys()) {
      if (this.#bytes <= this.#maxBytes && sizes.size <= this.#maxStates) break;
      await ifFound(Deno.remove(this.#path(oldest)));
      this.#forget(sizes, oldest);
    }
  }

  #forget(sizes: Map<string, number>, name: string): void {
    this.#bytes -= sizes.get(name) ?? 0;
    sizes.delete(name);
  }

  /** Finds what earlier programs have kept. */
  async #found(): Promise<Map<string, number>> {
    const files: { name: string; size: number; time: number }[] = [];
    for await (const { name, isFile } of Deno.readDir(this.#directory)) {
      // Files with other names belong to somebody else.
      if (!isFile || !NAME.test(name)) continue;
      const info = await ifFound(Deno.stat(this.#path(name)));
      if (info === undefined) continue;
      files.push({ name, size: info.size, time: info.mtime?.getTime() ?? 0 });
    }
    this.#bytes = files.reduce((sum, { size }) => sum + size, 0);
    files.sort((a, b) => a.time - b.time);
    return new Map(files.map(({ name, size }) => [name, size]));
  }

  #path(name: string): string {
    if (NAME.test(name)) return `${this.#directory}/${name}`;
    throw new TypeError(`Cannot keep a state as "${name}": it is not the name of a file`);
  }
}

/** Returns undefined if there is no such file, or no longer. */
async function ifFound<T>(result: Promise<T>): Promise<T | undefined> {
  try {
    return await result;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
