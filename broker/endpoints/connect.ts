/**
 * Connects in one line.
 *
 * @module
 */

import { memoryPair, type MemoryPairOptions } from "../../transport/mod.ts";
import type { Broker } from "../connection/broker.ts";
import type { BrokerOptions } from "../connection/options.ts";
import {
  type ClientOptions,
  PBClientFactory,
  PBServerFactory,
  type ServerOptions,
  type ServerRoot,
} from "./factory.ts";

/**
 * Connects to a PB server.
 *
 * The scheme of the URL says how: `pb:` (TCP), `pbs:` (TLS), `pb+unix:`, `ws:` and `wss:`
 * (WebSocket). The URL may contain a user and a password, with which `broker.login()` logs in, and
 * the name of the object that `broker.root()` refers to: `pbs://alice:secret@example.org/chat`.
 *
 * @example
 * ```ts
 * import { connect, Root, serve } from "@perspective/broker/broker";
 * import { assertEquals } from "@std/assert";
 *
 * class Echo extends Root {
 *   remote_echo(text: string): string {
 *     return text;
 *   }
 * }
 * await using server = serve(new Echo(), { hostname: "127.0.0.1", port: 0 });
 * await using broker = await connect(server.url);
 * assertEquals(await broker.root<Echo>().remote.echo("hi"), "hi");
 * ```
 *
 * @param url Where to connect, such as `pb://127.0.0.1:8787`.
 * @param options Rules and limits, a signal, and a timeout for connecting.
 * @returns The broker, once both ends have agreed on a dialect.
 * @throws {TypeError} If the URL, or with TLS a certificate or key in the options, cannot be used.
 * @throws {RangeError} If a limit or a time is out of range.
 * @throws {ConnectError} If no connection can be established.
 * @throws {ProtocolError} If the server does not speak PB, or closes the connection before it has
 * sent anything.
 * @throws {unknown} The signal's reason, if it aborts first.
 */
export async function connect(
  url: string | URL,
  options: ClientOptions = {},
): Promise<Broker> {
  return await new PBClientFactory(options).connect(url);
}

/** Two brokers that are connected to each other. */
export interface BrokerPair extends AsyncDisposable {
  /** The client's end. */
  readonly client: Broker;
  /** The server's end. */
  readonly server: Broker;
}

/** Options for {@linkcode connectPair}: different rules for the two ends. */
export interface PairOptions {
  /** Options of the client's end. */
  client?: BrokerOptions;
  /** Options of the server's end. */
  server?: ServerOptions;
  /**
   * How the bytes travel: buffers, and faults on the way from the client (`first`) and to it
   * (`second`).
   */
  memory?: MemoryPairOptions;
}

/**
 * Connects a client and a server within this program: for tests and examples.
 *
 * @example
 * ```ts
 * import { connectPair, Root } from "@perspective/broker/broker";
 * import { assertEquals } from "@std/assert";
 *
 * await using pair = await connectPair(new Root());
 * assertEquals(pair.client.isClosed, false);
 * ```
 *
 * @param root What the server offers the client.
 * @param options Rules, limits, and faults of the connection.
 * @returns Both brokers; disposing closes both.
 * @throws {RangeError} If a limit is out of range.
 * @throws {ProtocolError} If the connection ends before both ends have agreed, as faults may cause.
 */
export function connectPair(root: ServerRoot, options?: PairOptions): Promise<BrokerPair>;
/**
 * Connects a client to a server that may have several, all within this program.
 *
 * @example Two clients of a server
 * ```ts
 * import { connectPair, PBServerFactory, Root } from "@perspective/broker/broker";
 * import { assertEquals } from "@std/assert";
 *
 * await using factory = new PBServerFactory(new Root());
 * const pairs = [await connectPair(factory), await connectPair(factory)];
 * assertEquals(factory.stats.connections, pairs.length);
 * ```
 *
 * @param factory Creates the server's end, with its own rules and limits.
 * @param options Rules and limits of the client, and faults of the connection.
 * @returns Both brokers; disposing closes both.
 */
export function connectPair(
  factory: PBServerFactory,
  options?: Omit<PairOptions, "server">,
): Promise<BrokerPair>;
export async function connectPair(
  root: ServerRoot | PBServerFactory,
  options: PairOptions = {},
): Promise<BrokerPair> {
  // Whatever may refuse its options comes first, while there is nothing to close yet.
  const servers = root instanceof PBServerFactory
    ? root
    : new PBServerFactory(root, options.server);
  const clients = new PBClientFactory(options.client);
  const [here, there] = memoryPair(options.memory);
  const server = servers.buildBroker(there);
  const client = clients.buildBroker(here);
  const close = async () => {
    await client.close();
    await server.close();
  };
  try {
    await Promise.all([client.ready, server.ready]);
  } catch (error) {
    await close();
    throw error;
  }
  return { client, server, [Symbol.asyncDispose]: close };
}
