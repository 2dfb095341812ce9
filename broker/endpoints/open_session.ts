/**
 * Opens sessions with a single call.
 *
 * @module
 */

import type { RemoteReference } from "../flavors/remote_reference.ts";
import { Session } from "./session.ts";
import type { Recipe, SessionOptions } from "./session_options.ts";

/**
 * Opens a session with a server that lasts until it is closed: whenever the connection is lost, it
 * connects and logs in again, after a wait that grows with each failure.
 *
 * @param urls Where to connect, and as whom; several are tried in this order at each attempt.
 * @param options As whom to log in, how long to wait, and options of each connection.
 * @returns The session, which starts connecting; its users get the avatar, or the root object if
 * there is no login.
 * @throws {TypeError} If a URL cannot be used, or there is none.
 * @throws {RangeError} If a limit, a time, or an option of `backoff` is out of range.
 * @typeParam T The class of the avatar or the root object.
 */
export function openSession<T = unknown>(
  urls: string | URL | readonly (string | URL)[],
  options?: SessionOptions,
): Session<RemoteReference<T>>;
/**
 * Opens a session whose users get what a recipe derives from each new connection.
 *
 * @example Two references, derived again after each loss of the connection
 * ```ts
 * import { openSession, Referenceable, Root, serve } from "@perspective/broker/broker";
 * import type { RemoteReference } from "@perspective/broker/broker";
 * import { assertEquals } from "@std/assert";
 *
 * class Room extends Referenceable {
 *   remote_topic(): string {
 *     return "tea";
 *   }
 * }
 * class House extends Root {
 *   readonly room: Room = new Room();
 *   remote_enter(): Room {
 *     return this.room;
 *   }
 * }
 * await using server = serve(new House(), { hostname: "127.0.0.1", port: 0 });
 * await using session = openSession(server.url, {
 *   recipe: async (house: RemoteReference<House>) => ({
 *     house,
 *     room: await house.callRemote("enter"),
 *   }),
 * });
 * assertEquals(await session.use(({ room }) => room.callRemote("topic")), "tea");
 * ```
 *
 * @param urls Where to connect, and as whom; several are tried in this order at each attempt.
 * @param options The recipe, as whom to log in, how long to wait, and options of each connection.
 * @returns The session, which starts connecting.
 * @throws {TypeError} If a URL cannot be used, or there is none.
 * @throws {RangeError} If a limit, a time, or an option of `backoff` is out of range.
 * @typeParam R What the recipe returns.
 * @typeParam T The class of the avatar or the root object.
 */
export function openSession<R, T = unknown>(
  urls: string | URL | readonly (string | URL)[],
  options: SessionOptions & { recipe: Recipe<R, T> },
): Session<R>;
export function openSession(
  urls: string | URL | readonly (string | URL)[],
  options: SessionOptions & { recipe?: Recipe<unknown> } = {},
): Session<unknown> {
  return new Session(urls, options, options.recipe ?? ((first) => first));
}
