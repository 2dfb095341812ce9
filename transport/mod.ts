/**
 * Byte pipes between two programs, and the URLs that name them.
 *
 * @example Two ends inside one program
 * ```ts
 * import { memoryPair } from "@perspective/broker/transport";
 * import { assertEquals } from "@std/assert";
 *
 * const [client, server] = memoryPair();
 * await client.transport.write(Uint8Array.of(1, 2, 3));
 * assertEquals(await server.transport.read(new Uint8Array(8)), 3);
 * client.transport.close();
 * ```
 *
 * @module
 */

export type { AcceptOptions } from "./_acceptor.ts";
export type { HandshakeOptions } from "./_handshake_acceptor.ts";
export type { TlsClientOptions, TlsServerOptions } from "./_tls.ts";
export type { UpgradePolicy } from "./_websocket_handshake.ts";
export * from "./dial.ts";
export {
  AcceptError,
  ConnectError,
  HandshakeError,
  type HandshakeErrorOptions,
  ListenError,
  TransportClosedError,
  TransportError,
  WebSocketError,
} from "./errors.ts";
export * from "./listen.ts";
export * from "./memory.ts";
export * from "./message_port.ts";
export * from "./transport.ts";
export * from "./url.ts";
export {
  type Upgrade,
  type UpgradeOptions,
  upgradeWebSocket,
  type WebSocketOptions,
} from "./websocket.ts";
