/**
 * Serves with a single call.
 *
 * @module
 */

import { BusySet } from "../../transport/base/busy_set.ts";
import { duration } from "../../transport/base/checks.ts";
import { listen, type ListenAddr, type Listener, type ListenOptions } from "../../transport/mod.ts";
import type { Broker } from "../connection/broker.ts";
import { callLogged } from "../log/log.ts";
import {
  CONNECTIONS,
  GOING_AWAY,
  type ServerStats,
  type ShutdownOptions,
} from "./server_connections.ts";
import { PBServerFactory, type ServerOptions, type ServerRoot } from "./server_factory.ts";

/** Options for {@linkcode serve}. */
export interface ServeOptions extends ServerOptions, ListenOptions {}

/** A running server. */
export class PBServer implements AsyncDisposable {
  /** The address, with the port that the system chose if 0 was asked for. */
  readonly addr: ListenAddr;
  /** The URL that reaches the server from this machine. */
  readonly url: string;
  /** The current connections that were accepted here. */
  readonly brokers: ReadonlySet<Broker>;
  /** Creates the brokers; it may do so for other servers too. */
  readonly factory: PBServerFactory;
  /**
   * Resolves when the server is closed and all its connections have ended; rejects if it turns out
   * later that the address cannot be listened on.
   */
  readonly finished: Promise<void>;
  readonly #listener: Listener;
  readonly #brokers = new BusySet<Broker>();
  #isClosed = false;

  /**
   * Serves the connections of a listener; use `serve` to create a server.
   *
   * @param listener Where clients connect; the server closes it.
   * @param factory Creates a broker for each.
   */
  constructor(listener: Listener, factory: PBServerFactory) {
    this.addr = listener.addr;
    this.url = listener.url;
    this.brokers = this.#brokers;
    this.factory = factory;
    this.#listener = listener;
    this.finished = this.#run();
  }

  /**
   * Statistics to monitor: how many connections, calls and bytes, for all servers with this
   * factory.
   */
  get stats(): ServerStats {
    return this.factory.stats;
  }

  /**
   * Stops listening, closes all connections, and waits until they have ended. Clients are told that
   * the server is going away, where the transport can tell them. A second call waits too, and
   * calls under way have no more time than it gives them.
   *
   * @param options How much time calls under way have.
   * @returns Resolves when nothing is left.
   * @throws {RangeError} If the time is not a number of at least 0.
   */
  async close({ graceful = 0 }: ShutdownOptions = {}): Promise<void> {
    duration("graceful", graceful);
    this.#isClosed = true;
    this.#listener.close();
    for (const broker of this.#brokers) void broker.close({ graceful, reason: GOING_AWAY });
    await this.finished;
  }

  /** Same as {@linkcode PBServer.close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #run(): Promise<void> {
    const ended = (broker: Broker): void => void this.#brokers.delete(broker);
    this.factory[CONNECTIONS].notifyOnEnd(ended);
    try {
      for (;;) {
        const dialed = await this.#listener.accept();
        if (dialed === null) break;
        // A connection that was already on its way when the server closed.
        if (this.#isClosed) {
          dialed.transport.close(GOING_AWAY);
          continue;
        }
        const broker = this.factory.accept(dialed);
        if (broker !== undefined) this.#brokers.add(broker);
      }
      await Promise.all(Array.from(this.#brokers, (broker) => broker.closed));
    } finally {
      this.factory[CONNECTIONS].dontNotifyOnEnd(ended);
    }
  }
}

/**
 * Serves an object, or a portal, to all clients that connect.
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
 * @param root What each client gets: a `Root`, or a `Portal` to log in to; or a factory, which has
 * its own rules and limits.
 * @param options Where to listen (by default at port 8787 on all addresses), rules and limits.
 * @returns The server, which is already listening.
 * @throws {TypeError} If the root or the URL cannot be used, or TLS lacks its certificate.
 * @throws {RangeError} If a limit or a time is out of range.
 * @throws {ListenError} If the address cannot be listened on.
 */
export function serve(root: ServerRoot, options?: ServeOptions): PBServer;
/**
 * Serves at one address what a factory may also serve at others.
 *
 * @example At two places
 * ```ts
 * import { PBServerFactory, Root, serve } from "@perspective/broker/broker";
 * import { assertEquals } from "@std/assert";
 *
 * await using factory = new PBServerFactory(new Root());
 * await using here = serve(factory, { url: "pb://127.0.0.1:0" });
 * await using there = serve(factory, { url: "pb://127.0.0.1:0" });
 * assertEquals(here.stats, there.stats);
 * ```
 *
 * @param factory Creates the brokers, by its own rules and limits.
 * @param options Where to listen.
 * @returns The server, which is already listening.
 * @throws {TypeError} If the URL cannot be used, or TLS lacks its certificate.
 * @throws {RangeError} If a limit or a time is out of range.
 * @throws {ListenError} If the address cannot be listened on.
 */
export function serve(factory: PBServerFactory, options?: ListenOptions): PBServer;
export function serve(root: ServerRoot | PBServerFactory, options: ServeOptions = {}): PBServer {
  const factory = root instanceof PBServerFactory ? root : new PBServerFactory(root, options);
  const { log } = factory.settings;
  const {
    onHandshakeError = (error) => factory[CONNECTIONS].failed(error),
    onAcceptError = ({ message }) => log({ event: "acceptFailed", level: "error", message }),
  } = options;
  const call = (callback: () => void) => callLogged([callback], log);
  return new PBServer(
    listen({
      ...options,
      onHandshakeError: (fault) => call(() => onHandshakeError(fault)),
      onAcceptError: (fault) => call(() => onAcceptError(fault)),
    }),
    factory,
  );
}
