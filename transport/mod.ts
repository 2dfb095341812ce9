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

export {
  AcceptError,
  ConnectError,
  HandshakeError,
  type HandshakeErrorOptions,
  ListenError,
  TransportClosedError,
  TransportError,
  WebSocketError,
} from "./base/errors.ts";
export * from "./base/transport.ts";
export * from "./dial.ts";
export * from "./listen.ts";
export type { MemoryFaults } from "./local/_memory_pipe.ts";
export * from "./local/memory.ts";
export * from "./local/message_port.ts";
export type { AcceptOptions } from "./stream/acceptor.ts";
export type { TlsClientOptions, TlsServerOptions } from "./stream/tls.ts";
export * from "./url.ts";
export type { HandshakeOptions } from "./websocket/handshake_acceptor.ts";
export { type Upgrade, type UpgradeOptions, upgradeWebSocket } from "./websocket/websocket.ts";
export type { UpgradePolicy } from "./websocket/websocket_handshake.ts";
export type { WebSocketOptions } from "./websocket/websocket_options.ts";
