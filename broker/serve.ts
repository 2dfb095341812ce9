/**
 * Serving in one line.
 *
 * @module
 */

import { listen, type ListenAddr, type Listener, type ListenOptions } from "../transport/mod.ts";
import type { Broker } from "./broker.ts";
import { PBServerFactory, type ServerOptions, type ServerRoot } from "./factory.ts";

/** Options for {@linkcode serve}. */
export interface ServeOptions extends ServerOptions, ListenOptions {}

/** A running server. */
export class PBServer implements AsyncDisposable {
  /** The address, with the port that the system chose if 0 was asked for. */
  readonly addr: ListenAddr;
  /** The URL that reaches the server from this machine. */
  readonly url: string;
  /** The connections that stand now. */
  readonly brokers: ReadonlySet<Broker>;
  /** Resolves when the server is closed and all its connections have ended. */
  readonly finished: Promise<void>;
  readonly #listener: Listener;
  readonly #brokers = new Set<Broker>();

  /**
   * Serves the connections of a listener; `serve` makes one.
   *
   * @param listener Where clients connect; the server closes it.
   * @param factory Makes a broker for each.
   */
  constructor(listener: Listener, factory: PBServerFactory) {
    this.addr = listener.addr;
    this.url = listener.url;
    this.brokers = this.#brokers;
    this.#listener = listener;
    this.finished = this.#run(factory);
  }

  /**
   * Stops listening, closes all connections, and waits until they have ended. A second call waits too.
   *
   * @returns Resolves when nothing is left.
   */
  async close(): Promise<void> {
    this.#listener.close();
    await Promise.all(Array.from(this.#brokers, (broker) => broker.close()));
    await this.finished;
  }

  /** Same as {@linkcode PBServer.close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #run(factory: PBServerFactory): Promise<void> {
    const ended = new Set<Promise<void>>();
    for (;;) {
      const dialed = await this.#listener.accept();
      if (dialed === null) break;
      const broker = factory.buildBroker(dialed);
      this.#brokers.add(broker);
      const end = broker.closed.then(() => {
        this.#brokers.delete(broker);
        ended.delete(end);
      });
      ended.add(end);
    }
    await Promise.all(ended);
  }
}

/**
 * Serves an object, or a portal, to all who connect.
 *
 * @example
 * ```ts
 * import { Root, serve } from "@perspective/broker/broker";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve(new Root(), { hostname: "127.0.0.1", port: 0 });
 * assertEquals(server.brokers.size, 0);
 * ```
 *
 * @param root What each client gets: a `Root`, or a `Portal` to log in at.
 * @param options Where to listen (port 8787 of all addresses unless given), rules and limits.
 * @returns The server, which listens already.
 * @throws {ListenError} If the address cannot be listened on.
 */
export function serve(root: ServerRoot, options: ServeOptions = {}): PBServer {
  return new PBServer(listen(options), new PBServerFactory(root, options));
}
