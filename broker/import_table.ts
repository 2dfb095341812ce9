/**
 * The peer's objects that we hold references to.
 *
 * @module
 */

import { WORD } from "../jelly/banana/mod.ts";
import { type NumberKey, numberKey } from "../jelly/number_key.ts";
import type { Broker } from "./broker.ts";
import { BusyMap } from "./busy_map.ts";
import { LimitError } from "./errors.ts";
import { writeNumber } from "./message_parts.ts";
import type { Outbox } from "./outbox.ts";
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
  readonly #outbox: Outbox;
  readonly #imports = new BusyMap<NumberKey, Import>();
  readonly #finalization: FinalizationRegistry<Arrivals>;

  /**
   * Creates an empty table.
   *
   * @param broker The connection.
   * @param outbox Where the peer is told about references that are gone.
   */
  constructor(broker: Broker, outbox: Outbox) {
    this.#broker = broker;
    this.#outbox = outbox;
    this.#finalization = new FinalizationRegistry((arrivals) => {
      this.#forget(arrivals);
      this.#tellPeer(arrivals);
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
   * @throws {LimitError} If too many are held; the object is given back then.
   */
  arrived(luid: number, perspective: object | null): RemoteReference {
    const known = this.#imports.get(numberKey(luid));
    const reference = known?.reference.deref();
    if (known !== undefined && reference !== undefined) {
      known.arrivals.count++;
      return reference;
    }
    const arrivals = { luid, count: 1 };
    const { maxImports } = this.#broker.settings.limits;
    if (this.#imports.size >= maxImports) {
      this.#tellPeer(arrivals);
      throw new LimitError("maxImports", `Cannot hold more than ${maxImports} references`);
    }
    const made = new RemoteReference(this.#broker, luid, perspective, arrivals);
    this.#imports.set(numberKey(luid), { reference: new WeakRef(made), arrivals });
    this.#finalization.register(made, arrivals, arrivals);
    return made;
  }

  /**
   * Forgets a reference that is released, and tells the peer.
   *
   * @param arrivals What the peer counts for it.
   */
  release(arrivals: Arrivals): void {
    this.#finalization.unregister(arrivals);
    this.#forget(arrivals);
    this.#tellPeer(arrivals);
  }

  /** Forgets everything; nobody is told. */
  clear(): void {
    for (const { arrivals } of this.#imports.values()) this.#finalization.unregister(arrivals);
    this.#imports.clear();
  }

  /** Removes the entry of a reference, unless a newer one has its place. */
  #forget(arrivals: Arrivals): void {
    const key = numberKey(arrivals.luid);
    if (this.#imports.get(key)?.arrivals === arrivals) this.#imports.delete(key);
  }

  /** Sends one decref for every arrival. */
  #tellPeer({ luid, count }: Arrivals): void {
    for (let left = count; left !== 0 && !this.#broker.isClosed; left--) {
      this.#outbox.send((writer) => writeNumber(writer, WORD.decref, luid));
    }
  }
}
