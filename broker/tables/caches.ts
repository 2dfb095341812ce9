/**
 * The caches of a connection, at both ends.
 *
 * @module
 */

import { CacheTable } from "./cache_table.ts";
import { CacheableTable, type CacheTableParts } from "./cacheable_table.ts";

/** The two tables of caches: the peer's of our objects, and ours of the peer's objects. */
export class Caches {
  /** The objects of ours that the peer has caches of. */
  readonly cacheables: CacheableTable;
  /** The caches that we have of the peer's objects. */
  readonly held: CacheTable;

  /**
   * Creates empty tables.
   *
   * @param parts What they work with.
   */
  constructor(parts: CacheTableParts) {
    this.cacheables = new CacheableTable(parts);
    this.held = new CacheTable(parts);
  }

  /**
   * Ends all observations and caches because the connection is lost.
   *
   * @param reason Why, if not on purpose.
   */
  clear(reason: Error | undefined): void {
    this.cacheables.clear();
    this.held.clear(reason);
  }
}
