/**
 * The peer's objects that we hold references to.
 *
 * @module
 */

import type { Broker } from "./broker.ts";
import { LimitError } from "./errors.ts";
import { type Arrivals, RemoteReference } from "./remote_reference.ts";

/** An object of the peer's: its reference, if one is in use, and what the peer counts. */
interface Import {
  readonly reference: WeakRef<RemoteReference>;
  readonly arrivals: Arrivals;
}

/**
 * Keeps one reference for each object of the peer's, and tells the peer when it is gone.
 */
export class ImportTable {
  readonly #broker: Broker;
  readonly #maxImports: number;
  readonly #imports = new Map<number, Import>();
  readonly #finalization: FinalizationRegistry<Arrivals>;

  /**
   * Creates an empty table.
   *
   * @param broker The connection.
   * @param maxImports Most references at once.
   * @param giveBack Tells the peer about references that are gone.
   */
  constructor(broker: Broker, maxImports: number, giveBack: (arrivals: Arrivals) => void) {
    this.#broker = broker;
    this.#maxImports = maxImports;
    this.#finalization = new FinalizationRegistry((arrivals) => {
      this.#forget(arrivals);
      giveBack(arrivals);
    });
  }

  /** How many objects of the peer's are held. */
  get size(): number {
    return this.#imports.size;
  }

  /**
   * Takes an arrival of an object.
   *
   * @param luid Number of the object.
   * @param perspective On whose behalf it came.
   * @returns The reference.
   * @throws {LimitError} If too many are held; the arrival is not counted.
   */
  arrived(luid: number, perspective: object | null): RemoteReference {
    const known = this.#imports.get(luid);
    const reference = known?.reference.deref();
    if (known !== undefined && reference !== undefined) {
      known.arrivals.count++;
      return reference;
    }
    if (this.#imports.size >= this.#maxImports) {
      throw new LimitError("maxImports", `Cannot hold more than ${this.#maxImports} references`);
    }
    const arrivals = { luid, count: 1 };
    const made = new RemoteReference(this.#broker, luid, perspective, arrivals);
    this.#imports.set(luid, { reference: new WeakRef(made), arrivals });
    this.#finalization.register(made, arrivals, arrivals);
    return made;
  }

  /**
   * Forgets a reference that is released.
   *
   * @param arrivals What the peer counts for it.
   */
  released(arrivals: Arrivals): void {
    this.#finalization.unregister(arrivals);
    this.#forget(arrivals);
  }

  /** Forgets everything; nobody is told. */
  clear(): void {
    for (const { arrivals } of this.#imports.values()) this.#finalization.unregister(arrivals);
    this.#imports.clear();
  }

  /** Removes the entry of a reference, unless a newer one has its place. */
  #forget(arrivals: Arrivals): void {
    if (this.#imports.get(arrivals.luid)?.arrivals === arrivals) {
      this.#imports.delete(arrivals.luid);
    }
  }
}
