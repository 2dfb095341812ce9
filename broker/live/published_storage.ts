/**
 * Storage for the states of published objects (docs/paging.md, "Published objects").
 *
 * @module
 */

import { positiveInteger } from "../../transport/base/checks.ts";

/** Keeps states by name; any store of bytes will do. */
export interface PublishedStorage {
  /**
   * Loads what was saved.
   *
   * @param name The name, which consists of letters, digits, `%`, `_`, `-` and `.`, and is never
   * `.` or `..`.
   * @returns The bytes, or undefined if there are none.
   */
  load(name: string): Uint8Array | undefined | Promise<Uint8Array | undefined>;
  /**
   * Saves bytes, replacing any that were saved under the name.
   *
   * @param name The name.
   * @param bytes The bytes.
   */
  save(name: string, bytes: Uint8Array): void | Promise<void>;
}

/** Options of {@linkcode MemoryPublishedStorage}. */
export interface MemoryPublishedStorageOptions {
  /**
   * Maximum number of bytes to keep, including two for each character of a name; the least recently
   * used state goes first. Defaults to 16,777,216 (16 MiB).
   */
  maxBytes?: number;
}

/**
 * Keeps states as long as the program runs.
 *
 * @example
 * ```ts
 * import { MemoryPublishedStorage } from "@perspective/broker/broker";
 * import { assertEquals } from "@std/assert";
 *
 * const storage = new MemoryPublishedStorage({ maxBytes: 7 });
 * storage.save("a", Uint8Array.of(1, 2));
 * storage.save("b", Uint8Array.of(3, 4));
 * assertEquals([storage.load("a"), storage.load("b")], [undefined, Uint8Array.of(3, 4)]);
 * ```
 */
export class MemoryPublishedStorage implements PublishedStorage {
  readonly #maxBytes: number;
  /** The least recently used first. */
  readonly #states = new Map<string, Uint8Array>();
  #bytes = 0;

  /**
   * Creates an empty storage.
   *
   * @param options How much to keep.
   * @throws {RangeError} If the limit is not a positive integer.
   */
  constructor(options: MemoryPublishedStorageOptions = {}) {
    this.#maxBytes = positiveInteger("maxBytes", options.maxBytes ?? 16 * 1024 * 1024);
  }

  /**
   * Loads what was saved.
   *
   * @param name The name.
   * @returns The bytes, or undefined if there are none.
   */
  load(name: string): Uint8Array | undefined {
    const bytes = this.#states.get(name);
    if (bytes === undefined) return undefined;
    this.#states.delete(name);
    this.#states.set(name, bytes);
    return bytes;
  }

  /**
   * Saves bytes; if they exceed the limit by themselves, they are not kept at all.
   *
   * @param name The name.
   * @param bytes The bytes.
   */
  save(name: string, bytes: Uint8Array): void {
    this.#remove(name);
    const size = sizeOf(name, bytes);
    if (size > this.#maxBytes) return;
    this.#states.set(name, bytes);
    this.#bytes += size;
    for (const oldest of this.#states.keys()) {
      if (this.#bytes <= this.#maxBytes) break;
      this.#remove(oldest);
    }
  }

  #remove(name: string): void {
    const bytes = this.#states.get(name);
    if (bytes === undefined) return;
    this.#bytes -= sizeOf(name, bytes);
    this.#states.delete(name);
  }
}

/** The name counts as well, since the peer chooses it. */
function sizeOf(name: string, bytes: Uint8Array): number {
  return bytes.length + 2 * name.length;
}
