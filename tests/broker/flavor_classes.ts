/** Classes of each flavor, for tests in memory and against Twisted. */
import {
  Cacheable,
  Copyable,
  RemoteCache,
  type RemoteCacheObserver,
  Root,
} from "@perspective/broker/broker";
import { JellyRegistry } from "@perspective/broker/jelly";

/** A copyable that is an instance of the same class at both ends. */
export class Point extends Copyable {
  static readonly jellyName: string = "interop.Point";
  constructor(public x: unknown = 0, public y: unknown = 0) {
    super();
  }
}

/** A list that tells its caches what is added. */
export class Ledger extends Cacheable {
  static readonly jellyName: string = "interop.Ledger";
  readonly #observers = new Set<RemoteCacheObserver>();
  readonly entries: unknown[] = [];
  /** The observers passed to `stoppedObserving`. */
  readonly stopped: RemoteCacheObserver[] = [];

  get observers(): RemoteCacheObserver[] {
    return [...this.#observers];
  }
  override getStateToCacheAndObserveFor(
    _perspective: object | null,
    observer: RemoteCacheObserver,
  ): unknown {
    this.#observers.add(observer);
    return { entries: [...this.entries] };
  }
  override stoppedObserving(_perspective: object | null, observer: RemoteCacheObserver): void {
    if (!this.#observers.delete(observer)) throw new Error("nobody observed");
    this.stopped.push(observer);
  }
  add(entry: unknown): void {
    this.entries.push(entry);
    for (const observer of this.#observers) observer.callRemote("added", entry);
  }
}

/** The cache that a Ledger arrives as. */
export class LedgerCache extends RemoteCache {
  entries: unknown[] = [];
  observe_added(entry: unknown): number {
    this.entries.push(entry);
    return this.entries.length;
  }
}

/** Offers a ledger. */
export class Library extends Root {
  readonly ledger = new Ledger();
  /** What the peer has sent. */
  sent: unknown;

  remote_ledger(): unknown {
    return this.ledger;
  }
  remote_isLedger(ledger: unknown): boolean {
    return ledger === this.ledger;
  }
  remote_take(value: unknown): void {
    this.sent = value;
  }
  remote_add(entry: unknown): void {
    this.ledger.add(entry);
  }
  remote_echo(value: unknown): unknown {
    return value;
  }
}

/** A registry that knows the classes here. */
export function flavorRegistry(): JellyRegistry {
  const registry = new JellyRegistry();
  registry.setUnjellyableForClass(Point, Point);
  registry.setUnjellyableForClass(Ledger, LedgerCache);
  return registry;
}
