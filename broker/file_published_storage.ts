/**
 * The states of published objects, in files (docs/paging.md, "Published objects").
 *
 * @module
 */

import { positiveInteger } from "../transport/checks.ts";
import type { PublishedStorage } from "./published_storage.ts";

/** Names that cannot lead out of a directory. */
const NAME = /^[\w%-][\w%.-]*$/;

/** Options of {@linkcode DirectoryPublishedStorage}. */
export interface DirectoryPublishedStorageOptions {
  /** How many bytes to keep at most; what was kept first goes first. 268,435,456 (256 MiB) unless given. */
  maxBytes?: number;
}

/**
 * Keeps states in a directory of their own, a file each.
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
  /** Saves one after the other. */
  #last: Promise<void> = Promise.resolve();

  /**
   * Creates a storage.
   *
   * @param directory Path of the directory, which is made when something is to be kept.
   * @param options How much to keep.
   * @throws {RangeError} If the limit is not a positive integer.
   */
  constructor(directory: string, options: DirectoryPublishedStorageOptions = {}) {
    this.#directory = directory;
    this.#maxBytes = positiveInteger("maxBytes", options.maxBytes ?? 256 * 1024 * 1024);
  }

  /**
   * Finds what was kept.
   *
   * @param name The name.
   * @returns The bytes, or undefined if there are none.
   * @throws {TypeError} If the name could lead out of the directory.
   */
  async load(name: string): Promise<Uint8Array | undefined> {
    const path = this.#path(name);
    // What was saved before is there.
    await this.#last;
    return await ifFound(Deno.readFile(path));
  }

  /**
   * Keeps bytes; too many are not kept at all.
   *
   * @param name The name.
   * @param bytes The bytes.
   * @returns Resolves when the file is whole.
   * @throws {TypeError} If the name could lead out of the directory.
   */
  save(name: string, bytes: Uint8Array): Promise<void> {
    const saved = this.#last.then(() => this.#save(this.#path(name), bytes));
    this.#last = saved.catch(() => {});
    return saved;
  }

  async #save(path: string, bytes: Uint8Array): Promise<void> {
    if (bytes.length > this.#maxBytes) return;
    await Deno.mkdir(this.#directory, { recursive: true });
    // Nobody shall find half a file, even if this program ends now.
    const half = `${path}.new`;
    await Deno.writeFile(half, bytes);
    await Deno.rename(half, path);
    await this.#makeRoom();
  }

  async #makeRoom(): Promise<void> {
    const files: { path: string; size: number; time: number }[] = [];
    for await (const { name, isFile } of Deno.readDir(this.#directory)) {
      // What has another kind of name is somebody else's.
      if (!isFile || !NAME.test(name)) continue;
      const path = `${this.#directory}/${name}`;
      const info = await ifFound(Deno.stat(path));
      if (info !== undefined) {
        files.push({ path, size: info.size, time: info.mtime?.getTime() ?? 0 });
      }
    }
    let bytes = files.reduce((sum, { size }) => sum + size, 0);
    files.sort((a, b) => a.time - b.time);
    for (const { path, size } of files) {
      if (bytes <= this.#maxBytes) return;
      await ifFound(Deno.remove(path));
      bytes -= size;
    }
  }

  #path(name: string): string {
    if (NAME.test(name)) return `${this.#directory}/${name}`;
    throw new TypeError(`Cannot keep a state as "${name}": it is no name of a file`);
  }
}

/** Gives undefined if there is no such file, or no more. */
async function ifFound<T>(result: Promise<T>): Promise<T | undefined> {
  try {
    return await result;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
