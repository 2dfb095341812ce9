/**
 * Guesses what kind of program a peer is that does not speak PB.
 *
 * @module
 */

const decoder = new TextDecoder("latin1");

/** What the first bytes of some protocols look like. */
const SIGNS: readonly [RegExp, string][] = [
  [/^(GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH|CONNECT|TRACE|PRI) /, "it looks like an HTTP client"],
  [/^HTTP\/\d/, "it looks like an HTTP server"],
  [
    // deno-lint-ignore no-control-regex -- a TLS record begins with these
    /^[\u{14}-\u{17}]\u{3}[\0-\u{4}]/u,
    "it looks like TLS; use a pbs: URL, or give the server a certificate (cert, key)",
  ],
  [/^SSH-/, "it looks like SSH"],
  [/^(220[ -]|\+OK|\* OK)/, "it looks like a mail or FTP server"],
  [/^\{/, "it looks like JSON"],
];

/**
 * Guesses what the peer is.
 *
 * @param bytes The first bytes that arrived.
 * @returns A few words about it, or undefined.
 */
export function guessPeer(bytes: Uint8Array): string | undefined {
  const text = decoder.decode(bytes.subarray(0, 16));
  return SIGNS.find(([sign]) => sign.test(text))?.[1];
}

/**
 * Guesses why the peer sends nothing at all.
 *
 * @param role Which end this is.
 * @returns A few words about it.
 */
export function guessSilentPeer(role: "client" | "server"): string {
  if (role === "server") {
    return "the other end said nothing, where a PB client answers what it is offered";
  }
  return "the other end says nothing: perhaps it wants TLS (a pbs: URL) or WebSocket (ws: or wss:)";
}

/**
 * Guesses why a server closes the connection before it has sent anything.
 *
 * @returns A few words about it.
 */
export function guessShutDoor(): string {
  return "perhaps it wants TLS (a pbs: URL) or a certificate (cert, key), or has no room";
}
