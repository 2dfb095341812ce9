/**
 * Serves over WebSocket, inside any HTTP server.
 *
 * @module
 */

import { type UpgradeOptions, upgradeWebSocket } from "../../transport/mod.ts";
import { CONNECTIONS } from "./server_connections.ts";
import { PBServerFactory, type ServerOptions, type ServerRoot } from "./server_factory.ts";

/** Options for {@linkcode handleWebSocket}. */
export interface HandleWebSocketOptions extends ServerOptions, UpgradeOptions {}

/**
 * Answers a request by serving PB over a WebSocket: for any `Deno.serve` handler.
 *
 * The factory holds the connections, so that limits apply to all of them together, and
 * `factory.close({ graceful })` ends them in an orderly way: create one for all requests.
 *
 * @example
 * ```ts
 * import { connect, handleWebSocket, PBServerFactory, Root } from "@perspective/broker/broker";
 * import { assertEquals } from "@std/assert";
 *
 * class Echo extends Root {
 *   remote_echo(text: string): string {
 *     return text;
 *   }
 * }
 * await using factory = new PBServerFactory(new Echo());
 * await using http = Deno.serve(
 *   { hostname: "127.0.0.1", port: 0, onListen() {} },
 *   (request, { remoteAddr }) => handleWebSocket(request, factory, { remoteAddr }),
 * );
 * await using broker = await connect(`ws://127.0.0.1:${http.addr.port}`);
 * assertEquals(await broker.root<Echo>().callRemote("echo", "hi"), "hi");
 * ```
 *
 * @param request The request.
 * @param factory Holds the connection, with its own rules and limits.
 * @param options Who may connect.
 * @returns The response: the upgrade, or a refusal.
 * @throws {RangeError} If a limit or a time is out of range.
 */
export function handleWebSocket(
  request: Request,
  factory: PBServerFactory,
  options?: UpgradeOptions,
): Response;
/**
 * Answers a request by serving PB over a WebSocket, for a connection on its own.
 *
 * @example
 * ```ts
 * import { handleWebSocket, Root } from "@perspective/broker/broker";
 * import { assertEquals } from "@std/assert";
 *
 * const plain = new Request("http://localhost/");
 * assertEquals(handleWebSocket(plain, new Root()).status, 426); // no upgrade was asked for
 * ```
 *
 * @param request The request.
 * @param root What the client gets.
 * @param options Who may connect; rules and limits.
 * @returns The response: the upgrade, or a refusal.
 * @throws {TypeError} If the root cannot be used.
 * @throws {RangeError} If a limit or a time is out of range.
 */
export function handleWebSocket(
  request: Request,
  root: ServerRoot,
  options?: HandleWebSocketOptions,
): Response;
export function handleWebSocket(
  request: Request,
  root: ServerRoot | PBServerFactory,
  options: HandleWebSocketOptions = {},
): Response {
  const factory = root instanceof PBServerFactory ? root : new PBServerFactory(root, options);
  if (factory.isFull) {
    const { message } = factory[CONNECTIONS].refuse();
    return new Response(`${message}\n`, { status: 503, headers: { "retry-after": "5" } });
  }
  const { response, dialed } = upgradeWebSocket(request, options);
  dialed?.then(
    (connection) => factory.accept(connection),
    (error) => factory[CONNECTIONS].failed(error),
  );
  return response;
}
