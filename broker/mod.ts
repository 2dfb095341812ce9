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

// Servers, clients and sessions.
export * from "./endpoints/backoff.ts";
export * from "./endpoints/client_factory.ts";
export * from "./endpoints/connect.ts";
export * from "./endpoints/connect_pair.ts";
export * from "./endpoints/handle_websocket.ts";
export * from "./endpoints/open_session.ts";
export * from "./endpoints/serve.ts";
export type {
  ConnectionsOptions,
  ServerStats,
  ShutdownOptions,
} from "./endpoints/server_connections.ts";
export * from "./endpoints/server_factory.ts";
export { Session } from "./endpoints/session.ts";
export type * from "./endpoints/session_options.ts";

// Objects whose caches follow them, or outlive the connection.
export * from "./live/directory_published_storage.ts";
export * from "./live/live_cache.ts";
export * from "./live/live_cacheable.ts";
export type { Fields } from "./live/live_viewers.ts";
export { type Audience, Publishable } from "./live/publishable.ts";
export * from "./live/published_storage.ts";
export * from "./live/remote_published.ts";

// Large things in small pages.
export * from "./paging/file_pager.ts";
export * from "./paging/page_collector.ts";
export * from "./paging/page_stream.ts";
export * from "./paging/pager.ts";
export * from "./paging/stream_pager.ts";

// One connection.
export { Broker } from "./connection/broker.ts";
export type * from "./connection/broker_facts.ts";
export type * from "./connection/broker_role.ts";
export type * from "./connection/close_options.ts";
export type { Log, LogEntry, LogEvent } from "./log/log.ts";
export {
  type BrokerOptions,
  type BrokerSettings,
  portno,
  type ReceivedCall,
} from "./connection/options.ts";

export { type BrokerLimits, MAX_BROKER_REFS } from "./link/limits.ts";

// Logging in.
export { challenge, respond } from "./login/challenge.ts";
export type { CopiedAvatarOptions, LoginOptions } from "./login/login.ts";
export type { LoginMechanism, MechanismOptions } from "./login/mechanisms.ts";
export type { PortalOptions } from "./login/portal_options.ts";
export { PortalRoot } from "./login/portal_root.ts";

// How objects travel.
export * from "./flavors/avatar.ts";
export * from "./flavors/cacheable.ts";
export * from "./flavors/copyable.ts";
export * from "./flavors/copyable_error.ts";
export type * from "./flavors/implements.ts";
export {
  CallOptions,
  callOptions,
  type CallOptionsInit,
  Kwargs,
  kwargs,
  type KwargsBrand,
} from "./flavors/kwargs.ts";
export * from "./flavors/local_as_remote.ts";
export * from "./flavors/local_async_forwarder.ts";
export { Local, type LocalObject } from "./tables/local_table.ts";
export { type ParameterNames, PARAMETERS } from "./flavors/parameters.ts";
export type { PlainValue } from "./flavors/plain_value.ts";
export type * from "./flavors/received.ts";
export * from "./flavors/from_functions.ts";
export {
  CALLER,
  type IPBRoot,
  Referenceable,
  type RemoteTarget,
  Root,
  Serializable,
} from "./flavors/referenceable.ts";
export { RemoteCache } from "./flavors/remote_cache.ts";
export { type Referent, RemotePromise } from "./flavors/remote_promise.ts";
export { type ObjectId, RemoteMethod, RemoteReference } from "./flavors/remote_reference.ts";
export type * from "./flavors/sendable.ts";
export type * from "./flavors/types.ts";
export type * from "./flavors/unsendable.ts";
export * from "./flavors/view_point.ts";

// What can go wrong.
export * from "./errors/errors.ts";
export { PBError as Error } from "./errors/errors.ts";
export {
  CopyableFailure,
  failure2Copyable,
  noOperation,
  printTraceback,
} from "./errors/failure.ts";
export {
  CopiedFailure,
  type ErrorKind,
  RemoteError,
  type RemoteFailure,
} from "./errors/remote_error.ts";
