/**
 * Connects two brokers within one program.
 *
 * @module
 */

import { memoryPair, type MemoryPairOptions } from "../../transport/mod.ts";
import type { Broker } from "../connection/broker.ts";
import type { BrokerOptions } from "../connection/options.ts";
import { PBClientFactory } from "./client_factory.ts";
import { PBServerFactory, type ServerOptions, type ServerRoot } from "./server_factory.ts";

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
