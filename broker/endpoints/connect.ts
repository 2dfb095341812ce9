/**
 * Connects with a single call.
 *
 * @module
 */

import type { Broker } from "../connection/broker.ts";
import { type ClientOptions, PBClientFactory } from "./client_factory.ts";

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
