/**
 * URLs that say how to reach a Perspective Broker, and as whom.
 *
 * @module
 */

import { hostAndPort } from "./base/host.ts";

/** The port of Perspective Broker, as in Twisted. */
export const DEFAULT_PORT = 8787;

/** The scheme of a URL, which says how the bytes travel. */
export type PBScheme = "pb" | "pbs" | "pb+unix" | "ws" | "wss";

/** The parts of a URL, as returned by {@linkcode parseUrl}. */
export interface PBUrl {
  /**
   * `pb` is TCP, `pbs` TLS, `pb+unix` a Unix socket, `ws` and `wss` are WebSocket without and with
   * TLS.
   */
  readonly scheme: PBScheme;
  /** Host name or IP address (IPv6 without brackets); empty for `pb+unix`. */
  readonly hostname: string;
  /**
   * The port. Defaults to 8787 for `pb` and `pbs`, 80 for `ws`, and 443 for `wss`; it is 0 for
   * `pb+unix`.
   */
  readonly port: number;
  /**
   * Path of the Unix socket, or path and query of the WebSocket endpoint; empty for `pb` and `pbs`.
   */
  readonly path: string;
  /** Name of the object to ask for. Defaults to `root`. */
  readonly objectName: string;
  /** User to log in as, percent-decoded. */
  readonly username?: string | undefined;
  /** Password to log in with, percent-decoded; empty if there is only a user. */
  readonly password?: string | undefined;
  /** Whether the bytes are encrypted in transit: true for `pbs` and `wss`. */
  readonly secure: boolean;
  /** The URL without user and password, safe to show. */
  readonly href: string;
}

/** The parts of a URL that say where to connect, which each scheme writes in its own way. */
type Place = Pick<PBUrl, "hostname" | "port" | "path" | "objectName" | "href">;

/** A scheme, and its default port. */
interface Scheme {
  readonly scheme: PBScheme;
  readonly port: number;
}

const SCHEMES: ReadonlyMap<string, Scheme> = new Map([
  ["pb:", { scheme: "pb", port: DEFAULT_PORT }],
  ["pbs:", { scheme: "pbs", port: DEFAULT_PORT }],
  ["pb+unix:", { scheme: "pb+unix", port: 0 }],
  ["ws:", { scheme: "ws", port: 80 }],
  ["wss:", { scheme: "wss", port: 443 }],
]);

/**
 * Parses a URL.
 *
 * The object's name is the path in `pb://host/name` and `pbs://host/name`; where the path means
 * something else, it is the fragment: `ws://host/path#name`, `pb+unix:///run/pb.sock#name`.
 *
 * @example All the parts
 * ```ts
 * import { parseUrl } from "@perspective/broker/transport";
 * import { assertEquals } from "@std/assert";
 *
 * const url = parseUrl("pb://alice:s%40fe@example.org/chat");
 * assertEquals([url.hostname, url.port, url.objectName], ["example.org", 8787, "chat"]);
 * assertEquals([url.username, url.password], ["alice", "s@fe"]);
 * assertEquals(url.href, "pb://example.org:8787/chat");
 * ```
 *
 * @param url The URL.
 * @returns Its parts.
 * @throws {TypeError} If it is not a URL that the library can use; the message contains no
 * password.
 */
export function parseUrl(url: string | URL): PBUrl {
  const text = String(url);
  let parsed: URL;
  try {
    parsed = new URL(text);
  } catch {
    throw refusal(text, "not a URL");
  }
  const known = SCHEMES.get(parsed.protocol);
  if (known === undefined) {
    throw refusal(text, `scheme must be one of ${[...SCHEMES.keys()].join(" ")}`);
  }
  const { scheme } = known;
  return {
    scheme,
    secure: scheme === "pbs" || scheme === "wss",
    ...userOf(text, parsed),
    ...(scheme === "pb+unix" ? unixPlace(text, parsed) : networkPlace(text, parsed, known)),
  };
}

function userOf(text: string, { username, password }: URL): Pick<PBUrl, "username" | "password"> {
  if (username !== "") {
    return {
      username: decode(text, username, "user"),
      password: decode(text, password, "password"),
    };
  }
  if (password !== "") throw refusal(text, "a password needs a user name");
  return { username: undefined, password: undefined };
}

function unixPlace(text: string, { hostname, pathname, search, hash }: URL): Place {
  const fragment = decode(text, hash.slice(1), "fragment");
  const path = decode(text, pathname, "path");
  if (hostname !== "" && hostname !== "localhost") {
    throw refusal(text, "a Unix socket has no host: write pb+unix:///path");
  }
  if (!path.startsWith("/") || path.length < 2) {
    throw refusal(text, "the path of the socket is missing: write pb+unix:///path");
  }
  if (search !== "") throw refusal(text, "a query is not allowed here");
  const href = `pb+unix://${pathname}${hash}`;
  return { hostname: "", port: 0, path, objectName: fragment || "root", href };
}

function networkPlace(text: string, parsed: URL, { scheme, port: usualPort }: Scheme): Place {
  const { pathname, search, hash } = parsed;
  const fragment = decode(text, hash.slice(1), "fragment");
  const hostname = normalHostname(text, parsed.hostname);
  const port = parsed.port === "" ? usualPort : Number(parsed.port);
  const base = `${scheme}://${hostAndPort(hostname, port)}`;
  if (scheme === "ws" || scheme === "wss") {
    const path = pathname + search;
    return { hostname, port, path, objectName: fragment || "root", href: base + path + hash };
  }
  if (search !== "") throw refusal(text, "a query is not allowed here");
  if (hash !== "") throw refusal(text, "the object's name belongs in the path, not the fragment");
  const objectName = decode(text, pathname.slice(1), "path") || "root";
  return { hostname, port, path: "", objectName, href: base + pathname };
}

/**
 * Returns a host in lower case and punycode, with an IP address in canonical form. `URL` itself
 * does this only for the schemes of the web.
 */
function normalHostname(text: string, hostname: string): string {
  if (hostname === "") throw refusal(text, "the host is missing");
  try {
    const plain = decodeURIComponent(hostname);
    // An encoded delimiter would make the next parser see another host.
    if (plain.startsWith("[") || !/[/?#@:\\]/.test(plain)) {
      return new URL(`http://${plain}`).hostname.replace(/^\[(.*)\]$/, "$1");
    }
  } catch {
    // Refused below.
  }
  throw refusal(text, "not a host name");
}

function decode(text: string, part: string, name: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw refusal(text, `the ${name} is not percent-encoded UTF-8`);
  }
}

function refusal(text: string, fact: string): TypeError {
  return new TypeError(`Cannot use URL "${redactUrl(text)}": ${fact}`);
}

/**
 * Returns the text of a URL, perhaps malformed, without anything that might be a user and password.
 */
function redactUrl(text: string): string {
  return text.replace(/^([^:@]*:\/\/)?.*@/s, "$1");
}
