/**
 * The opening handshake of WebSocket (RFC 6455), on both sides.
 *
 * @module
 */

import { builtin } from "../base/builtin.ts";
import { factOf, HandshakeError, isGone } from "../base/errors.ts";
import { oneLine } from "../base/printable.ts";
import type { Dialed, Transport } from "../base/transport.ts";
import { writeAll } from "../base/write_all.ts";
import { headBytes, type HttpHead, type HttpHeaders, readHead } from "./_http_head.ts";

/**
 * Sub-protocol in which text frames give the peer permission to send: each holds the number of
 * further bytes, in decimal.
 */
export const WINDOWED = "pb.v1";
/** Sub-protocol of bytes in binary frames and nothing else, by the name that Autobahn uses. */
export const PLAIN = "binary";

/** Maximum characters quoted from a server's answer. */
const MAX_ANSWER = 300;
const KNOWN: readonly string[] = [WINDOWED, PLAIN];
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** Which requests may open a WebSocket to this server. */
export interface UpgradePolicy {
  /**
   * Origins of the pages that may connect, such as `https://example.org`; `*` stands for all.
   * Programs other than browsers send no origin and are always let through: this protects users of
   * browsers, not the server. By default, a page may connect only to its own host.
   */
  origins?: readonly string[] | undefined;
  /**
   * Host names, without port, that requests may use for the server. A server on a private network
   * should list its own: the author of a page can make a name of theirs resolve to its address (DNS
   * rebinding). By default, all are allowed.
   */
  hosts?: readonly string[] | undefined;
}

/** A request for a WebSocket. */
export interface UpgradeRequest {
  /** Method of the request. */
  readonly method: string;
  /** Its headers. */
  readonly headers: HttpHeaders;
}

/** The answer to an {@linkcode UpgradeRequest}. */
export type Verdict =
  | { readonly kind: "accepted"; readonly key: string; readonly protocol: string | undefined }
  | {
    readonly kind: "refused";
    readonly status: number;
    readonly fact: string;
    readonly headers: Record<string, string>;
  };

/** Decides whether to accept a request. */
export function judgeUpgrade(request: UpgradeRequest, policy: UpgradePolicy): Verdict {
  const { method, headers } = request;
  const key = headers.get("sec-websocket-key") ?? "";
  const host = headers.get("host") ?? "";
  if (method !== "GET") return refusal(405, "a WebSocket is opened with GET", { allow: "GET" });
  if (!tokens(headers.get("upgrade")).includes("websocket")) {
    return refusal(426, "this is a WebSocket endpoint", {
      upgrade: "websocket",
      connection: "upgrade",
    });
  }
  if (headers.get("sec-websocket-version") !== "13") {
    return refusal(426, "only version 13 is supported", { "sec-websocket-version": "13" });
  }
  if (!tokens(headers.get("connection")).includes("upgrade") || !/^[\w+/]{22}==$/.test(key)) {
    return refusal(400, "the WebSocket headers are malformed");
  }
  const { hosts, origins } = policy;
  const hostname = hostnameOf(host);
  if (hostname === undefined) return refusal(400, "the Host header is malformed");
  if (hosts !== undefined && !hosts.includes(hostname)) {
    return refusal(403, `host "${hostname}" is not served here`);
  }
  const origin = headers.get("origin");
  if (origin !== undefined && !originIsAllowed(origin, host, origins)) {
    return refusal(403, `origin "${origin}" is not allowed`);
  }
  const offered = tokens(headers.get("sec-websocket-protocol"));
  const protocol = KNOWN.find((name) => offered.includes(name));
  if (offered.length > 0 && protocol === undefined) {
    return refusal(400, `known sub-protocols are ${KNOWN.join(" and ")}`);
  }
  return { kind: "accepted", key, protocol };
}

function refusal(status: number, fact: string, headers: Record<string, string> = {}): Verdict {
  return { kind: "refused", status, fact, headers };
}

function originIsAllowed(origin: string, host: string, origins?: readonly string[]): boolean {
  if (origins !== undefined) return origins.includes("*") || origins.includes(origin);
  // The scheme is not compared: behind a proxy that ends TLS it differs.
  return URL.parse(origin)?.host === host.toLowerCase();
}

function hostnameOf(host: string): string | undefined {
  if (host === "" || /[/?#@\\]/.test(host)) return undefined;
  return URL.parse(`http://${host}`)?.hostname;
}

/**
 * Returns the elements of a comma-separated header, in lower case; none if it is not all ASCII,
 * since white space beyond ASCII is not HTTP's, and `Deno.upgradeWebSocket` would throw.
 */
function tokens(header = ""): string[] {
  if (/[^\t\x20-\x7e]/.test(header)) return [];
  return header.split(",").map((token) => token.trim().toLowerCase()).filter(Boolean);
}

/** Returns the server's answer to a client's key; without WebCrypto, which is asynchronous. */
function acceptKey(key: string): string {
  return builtin("node:crypto").createHash("sha1").update(key + GUID).digest("base64");
}

/** A completed handshake. */
export interface Agreement {
  /** The sub-protocol, if one was agreed on. */
  readonly protocol: string | undefined;
  /** The peer's headers. */
  readonly headers: HttpHeaders;
  /** Bytes that arrived with the handshake and belong to what follows. */
  readonly early: Uint8Array;
}

/** Where a client connects to. */
export interface UpgradeTarget {
  /** Host, and the port unless it is the usual one. */
  readonly host: string;
  /** Path and query. */
  readonly path: string;
  /** Further headers, such as `Authorization` or `Origin`. */
  readonly headers?: HeadersInit | undefined;
}

/**
 * Asks a server for a WebSocket.
 *
 * @throws {Error} If the server refuses or breaks a rule; the message is worded to be part of
 * another.
 */
export async function openAsClient(conn: Transport, target: UpgradeTarget): Promise<Agreement> {
  const key = btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(16))));
  const headers = new Map(target.headers && new Headers(target.headers));
  headers.set("host", target.host);
  headers.set("upgrade", "websocket");
  headers.set("connection", "Upgrade");
  headers.set("sec-websocket-version", "13");
  headers.set("sec-websocket-key", key);
  headers.set("sec-websocket-protocol", KNOWN.join(", "));
  headers.delete("sec-websocket-extensions");
  await writeAll(conn, headBytes(`GET ${target.path} HTTP/1.1`, headers));
  const answer = await readHead(conn);
  const [, status, text] = /^HTTP\/1\.[01] (\d{3}) ?(.*)$/.exec(answer.start) ?? [];
  if (status === undefined) throw new Error("the server does not speak HTTP");
  if (status !== "101") {
    const location = answer.headers.get("location");
    const where = location === undefined ? "" : `, which points to "${location}"`;
    throw new Error(oneLine(`the server answered ${status} ${text}${where}`.trim(), MAX_ANSWER));
  }
  return checkAnswer(answer, key);
}

function checkAnswer({ headers, rest }: HttpHead, key: string): Agreement {
  const fault = (fact: string) => new Error(`the server broke the WebSocket handshake: ${fact}`);
  if (
    !tokens(headers.get("upgrade")).includes("websocket") ||
    !tokens(headers.get("connection")).includes("upgrade")
  ) throw fault("it did not switch to WebSocket");
  if (headers.get("sec-websocket-accept") !== acceptKey(key)) {
    throw fault("the answer is not to this request");
  }
  if (headers.has("sec-websocket-extensions")) {
    throw fault("it uses an extension that was not requested");
  }
  const protocol = headers.get("sec-websocket-protocol");
  if (protocol !== undefined && !KNOWN.includes(protocol)) {
    throw fault(oneLine(`it chose sub-protocol "${protocol}"`, MAX_ANSWER));
  }
  return { protocol, headers, early: rest };
}

/** A handshake that is complete once its last bytes are sent. */
export interface Acceptance extends Agreement {
  /** The answer to the client, to be sent before anything else, and best together with it. */
  readonly last: Uint8Array;
}

/** Options for {@linkcode openAsServer}. */
export interface ServerHandshake extends UpgradePolicy {
  /** The path of the endpoint. */
  readonly path: string;
}

/**
 * Reads a client's request for a WebSocket, and decides whether to accept it.
 *
 * @throws {HandshakeError} If it sends something other than a request, or has gone.
 * @throws {Error} If it is refused; the client has then been told.
 */
export async function openAsServer(dialed: Dialed, options: ServerHandshake): Promise<Acceptance> {
  const { transport: conn } = dialed;
  const { start, headers, rest } = await readRequest(dialed);
  const [, method = "", path] = /^([A-Z]+) (\S+) HTTP\/1\.1$/.exec(start) ?? [];
  const verdict = path === undefined
    ? refusal(400, "the request is malformed")
    : path.replace(/[?].*$/s, "") !== options.path
    ? refusal(404, `nothing is served at "${path}"`)
    : judgeUpgrade({ method, headers }, options);
  if (verdict.kind === "refused") {
    const { status, fact } = verdict;
    const answer = Object.entries({
      ...verdict.headers,
      connection: "upgrade" in verdict.headers ? "upgrade, close" : "close",
      "content-type": "text/plain;charset=UTF-8",
      "content-length": String(new TextEncoder().encode(`${fact}\n`).length),
    });
    await writeAll(conn, headBytes(`HTTP/1.1 ${status} Refused`, answer, `${fact}\n`));
    throw new Error(`the WebSocket was refused: ${fact}`);
  }
  const { protocol } = verdict;
  const answer = Object.entries({
    upgrade: "websocket",
    connection: "Upgrade",
    "sec-websocket-accept": acceptKey(verdict.key),
    ...(protocol !== undefined && { "sec-websocket-protocol": protocol }),
  });
  const last = headBytes("HTTP/1.1 101 Switching Protocols", answer);
  return { protocol, headers, early: rest, last };
}

/** Reads the head of a client's request. */
async function readRequest({ transport, peer }: Dialed): Promise<HttpHead> {
  let isHeard = false;
  const read = async (buffer: Uint8Array): Promise<number | null> => {
    const count = await transport.read(buffer);
    if (count !== null) isHeard = true;
    return count;
  };
  try {
    return await readHead({ read });
  } catch (error) {
    const isProbe = !isHeard && isGone(error);
    throw new HandshakeError(peer.address, factOf(error), { cause: error, isProbe });
  }
}
