/**
 * Opening a connection to a URL.
 *
 * @module
 */

import { withDeadline } from "./_deadline.ts";
import { tlsClient, type TlsClientOptions } from "./_tls.ts";
import { tcpDialed, unixDialed } from "./_socket.ts";
import { ConnectError, factOf } from "./errors.ts";
import type { Dialed } from "./transport.ts";
import { parseUrl, type PBUrl } from "./url.ts";

/** Options for {@linkcode dial}. */
export interface DialOptions extends TlsClientOptions {
  /** Gives up opening the connection; one that stands is not touched. */
  signal?: AbortSignal;
  /** Milliseconds for everything until the connection stands; 30,000 unless given. */
  timeout?: number;
}

/**
 * Opens a connection to a URL: `pb` (TCP), `pbs` (TLS), `pb+unix` (a Unix socket).
 *
 * @example To a listener of this program
 * ```ts
 * import { dial, listen } from "@perspective/broker/transport";
 * import { assertEquals } from "@std/assert";
 *
 * await using listener = listen("pb://127.0.0.1:0");
 * const [here, there] = await Promise.all([dial(listener.url), listener.accept()]);
 * await here.transport.write(Uint8Array.of(1, 2, 3));
 * assertEquals(await there?.transport.read(new Uint8Array(8)), 3);
 * here.transport.close();
 * there?.transport.close();
 * ```
 *
 * @param url Where to; a user, a password and an object's name in it are left to the caller.
 * @param options How.
 * @returns The connection.
 * @throws {TypeError} If the URL cannot be used.
 * @throws {ConnectError} If the connection cannot be opened.
 */
export async function dial(url: string | URL, options: DialOptions = {}): Promise<Dialed> {
  const { timeout = 30_000, signal } = options;
  const target = parseUrl(url);
  try {
    return await withDeadline({ timeout, signal }, (signal) => dialTarget(target, options, signal));
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw new ConnectError(target.href, factOf(error), { cause: error });
  }
}

async function dialTarget(
  target: PBUrl,
  options: DialOptions,
  signal: AbortSignal,
): Promise<Dialed> {
  const { scheme, hostname, port, path } = target;
  if (scheme === "pb+unix") {
    return unixDialed(await Deno.connect({ transport: "unix", path }), path);
  }
  const conn = await Deno.connect({ hostname, port, signal });
  if (scheme === "pb") return tcpDialed(conn);
  return await tlsClient(conn, { ...options, hostname, http: false, signal });
}
