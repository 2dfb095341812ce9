/**
 * Perspective Broker for Deno: hold references to objects in another process and call them.
 *
 * A full peer of Twisted's `twisted.spread.pb`, for servers, for browsers and for Deno Deploy.
 *
 * @example A server and a client
 * ```ts
 * import { connect, Root, serve } from "@perspective/broker";
 * import { assertEquals } from "@std/assert";
 *
 * class Echo extends Root {
 *   remote_echo(text: string): string {
 *     return text;
 *   }
 * }
 * await using server = serve(new Echo(), { hostname: "127.0.0.1", port: 0 });
 *
 * await using broker = await connect(server.url);
 * const echo = broker.root<Echo>();
 * assertEquals(await echo.callRemote("echo", "hi"), "hi");
 * ```
 *
 * @module
 */

export * from "./broker/mod.ts";
export * from "./cred/mod.ts";
export * from "./jelly/mod.ts";
export * from "./transport/mod.ts";
