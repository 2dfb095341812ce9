/**
 * The peer's objects that we hold references to.
 *
 * @module
 */

import { WORD } from "../../jelly/banana/mod.ts";
import { type NumberKey, numberKey } from "../../jelly/number_key.ts";
import { BusyMap } from "../../transport/base/busy_map.ts";
import type { Broker } from "../connection/broker.ts";
import { LimitError } from "../errors/errors.ts";
import { type Arrivals, RemoteReference } from "../flavors/remote_reference.ts";
import type { Outbox } from "../link/outbox.ts";
import { CollectorUrge, urgeCollector } from "./collector_urge.ts";
import { ReleaseQueue } from "./release_queue.ts";

/**
 * One of the peer's objects: its reference, if one is in use, and the arrivals that the peer has
 * counted.
 */
interface Import {
  readonly reference: WeakRef<RemoteReference>;
  readonly arrivals: Arrivals;
}

/** The peer's objects that came on behalf of one user. */
type Imports = BusyMap<NumberKey, Import>;

/**
 * Keeps one reference for each of the peer's objects and each user on whose behalf it came, and
 * tells the peer when the reference is gone.
 */
export class ImportTable {
  readonly #broker: Broker;
  readonly #releases: ReleaseQueue;
  /** What came on nobody's behalf. */
  readonly #nobodys: Imports = new BusyMap();
  /**
   * The others, by the user's avatar. It often keeps a reference itself, so nothing here may keep
   * the avatar alive.
   */
  readonly #users = new WeakMap<object, Imports>();
  /** Everything that is held, and the table that it is in. */
  readonly #held = new BusyMap<Arrivals, Imports>();
  readonly #finalization: FinalizationRegistry<Arrivals>;
  readonly #urge = new CollectorUrge();

  /**
   * Creates an empty table.
   *
   * @param broker The connection.
   * @param outbox Where the peer is told about references that are gone.
   */
  constructor(broker: Broker, outbox: Outbox) {
    this.#broker = broker;
    this.#releases = new ReleaseQueue(broker, outbox, WORD.decref);
    this.#finalization = new FinalizationRegistry((arrivals) => {
      this.#forget(arrivals);
      this.#tellPeer(arrivals);
    });
  }

  /** Number of the peer's objects that are held. */
  get size(): number {
    return this.#held.size;
  }

  /**
   * Records an arrival of an object.
   *
   * @param luid Number of the object.
   * @param perspective On whose behalf it came.
   * @returns The reference.
   * @throws {LimitError} If too many are held; the object is then given back.
   */
  arrived(luid: number, perspective: object | null): RemoteReference {
    const imports = this.#importsFor(perspective);
    const known = imports.get(numberKey(luid));
    const reference = known?.reference.deref();
    if (known !== undefined && reference !== undefined) {
      known.arrivals.count++;
      return reference;
    }
    const arrivals = { luid, count: 1 };
    const { maxImports } = this.#broker.settings.limits;
    if (this.size >= maxImports) {
      this.#tellPeer(arrivals);
      throw new LimitError("maxImports", `Cannot hold more than ${maxImports} references`);
    }
    const made = new RemoteReference(this.#broker, luid, perspective, arrivals);
    if (known !== undefined) this.#held.delete(known.arrivals);
    this.#held.set(arrivals, imports);
    imports.set(numberKey(luid), { reference: new WeakRef(made), arrivals });
    this.#finalization.register(made, arrivals, arrivals);
    if (this.#urge.added(this.size)) urgeCollector();
    return made;
  }

  /**
   * Forgets a reference that is released, and tells the peer.
   *
   * @param arrivals The arrivals that the peer has counted for it.
   */
  release(arrivals: Arrivals): void {
    this.#finalization.unregister(arrivals);
    this.#forget(arrivals);
    this.#tellPeer(arrivals);
  }

  /** Forgets everything; the peer is not told. */
  clear(): void {
    for (const [arrivals] of this.#held.entries()) this.#finalization.unregister(arrivals);
    this.#held.clear();
    this.#nobodys.clear();
  }

  #importsFor(perspective: object | null): Imports {
    if (perspective === null) return this.#nobodys;
    let imports = this.#users.get(perspective);
    if (imports === undefined) this.#users.set(perspective, imports = new BusyMap());
    return imports;
  }

  /** Removes the entry of a reference, unless a newer one has taken its place. */
  #forget(arrivals: Arrivals): void {
    this.#held.get(arrivals)?.delete(numberKey(arrivals.luid));
    this.#held.delete(arrivals);
    this.#urge.removed(this.size);
  }

  #tellPeer({ luid, count }: Arrivals): void {
    this.#releases.giveBack(luid, count);
  }
}
