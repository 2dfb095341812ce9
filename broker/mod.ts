/**
 * Perspective Broker: objects that are called, copied and watched over a connection
 * (docs/protocol.md; `twisted/spread/pb.py`).
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
 * assertEquals(await broker.root<Echo>().callRemote("echo", "hi"), "hi");
 * ```
 *
 * @module
 */

export * from "./avatar.ts";
export * from "./backoff.ts";
export { Broker } from "./broker.ts";
export type { BrokerCounts, BrokerRole, CloseOptions, Traffic } from "./broker_facts.ts";
export * from "./cacheable.ts";
export { challenge, respond } from "./challenge.ts";
export * from "./connect.ts";
export type { ConnectionsOptions, ServerStats, ShutdownOptions } from "./connections.ts";
export * from "./copyable_error.ts";
export * from "./copyable.ts";
export * from "./errors.ts";
export { PBError as Error } from "./errors.ts";
export * from "./factory.ts";
export { CopyableFailure, failure2Copyable, noOperation, printTraceback } from "./failure.ts";
export * from "./file_pager.ts";
export * from "./file_published_storage.ts";
export * from "./handle_websocket.ts";
export {
  CallOptions,
  callOptions,
  type CallOptionsInit,
  Kwargs,
  kwargs,
  type KwargsBrand,
} from "./kwargs.ts";
export * from "./live_cache.ts";
export * from "./live_cacheable.ts";
export type { Fields } from "./live_viewers.ts";
export * from "./local_as_remote.ts";
export * from "./local_async_forwarder.ts";
export { Local, type LocalObject } from "./local_table.ts";
export type { Log, LogEntry, LogEvent } from "./log.ts";
export type { CopiedAvatarOptions, LoginOptions } from "./login.ts";
export type { LoginMechanism, MechanismOptions } from "./mechanisms.ts";
export * from "./open_session.ts";
export {
  type BrokerLimits,
  type BrokerOptions,
  type BrokerSettings,
  MAX_BROKER_REFS,
  portno,
  type ReceivedCall,
} from "./options.ts";
export { type ParameterNames, PARAMETERS } from "./parameters.ts";
export { type Audience, Publishable } from "./publishable.ts";
export * from "./published_storage.ts";
export type * from "./received.ts";
export * from "./page_collector.ts";
export * from "./page_stream.ts";
export * from "./pager.ts";
export type { PortalOptions } from "./portal_options.ts";
export { PortalRoot } from "./portal_root.ts";
export {
  CALLER,
  type IPBRoot,
  Referenceable,
  type RemoteTarget,
  Root,
  Serializable,
} from "./referenceable.ts";
export { CopiedFailure, type ErrorKind, RemoteError, type RemoteFailure } from "./remote_error.ts";
export { RemoteCache } from "./remote_cache.ts";
export * from "./remote_published.ts";
export { type ObjectId, RemoteMethod, RemoteReference } from "./remote_reference.ts";
export type * from "./sendable.ts";
export * from "./serve.ts";
export { Session } from "./session.ts";
export type * from "./session_options.ts";
export * from "./stream_pager.ts";
export type * from "./types.ts";
export * from "./view_point.ts";
