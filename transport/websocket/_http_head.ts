/**
 * Reads and writes heads of HTTP/1.1 messages, as far as opening a WebSocket needs it.
 *
 * @module
 */

import { TransportClosedError } from "../base/errors.ts";
import type { Transport } from "../base/transport.ts";

/** Maximum bytes of a head. */
const MAX_HEAD = 16_384;

const latin1 = new TextDecoder("latin1");
const encoder = new TextEncoder();

/** The syntax of a header's name. */
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;

/** The headers of a message, by their names in lower case. */
export type HttpHeaders = ReadonlyMap<string, string>;

/** A head that was read. */
export interface HttpHead {
  /** The first line: the request, or the status. */
  readonly start: string;
  /** The headers. */
  readonly headers: HttpHeaders;
  /** Bytes that arrived after the head. */
  readonly rest: Uint8Array;
}

/**
 * Reads a head.
 *
 * @throws {SyntaxError} If what arrives is not an HTTP head, or is too long.
 * @throws {TransportClosedError} If it is cut short.
 */
export async function readHead(conn: Pick<Transport, "read">): Promise<HttpHead> {
  let buffer = new Uint8Array(1024);
  let size = 0;
  let checked = 0;
  for (;;) {
    const count = await conn.read(buffer.subarray(size));
    if (count === null) {
      throw new TransportClosedError("the connection ended during the handshake");
    }
    size += count;
    const end = endOfHead(buffer.subarray(0, size), checked);
    if (end >= 0) {
      const lines = latin1.decode(buffer.subarray(0, end)).split("\r\n");
      return { start: lines[0]!, headers: parseHeaders(lines), rest: buffer.slice(end + 4, size) };
    }
    checked = Math.max(0, size - 3);
    if (size >= 12 && !/^[\x20-\x7e]+(\r\n|$)/.test(firstBytes(buffer))) {
      throw new SyntaxError("the peer does not speak HTTP");
    }
    if (size >= MAX_HEAD) throw new SyntaxError(`more than ${MAX_HEAD} bytes of headers`);
    if (size === buffer.length) {
      const larger = new Uint8Array(size * 2);
      larger.set(buffer);
      buffer = larger;
    }
  }
}

/** Encodes a head and its body. */
export function headBytes(
  start: string,
  headers: Iterable<readonly [string, string]>,
  body = "",
): Uint8Array {
  let head = `${start}\r\n`;
  for (const [name, value] of headers) head += `${name}: ${value}\r\n`;
  return encoder.encode(`${head}\r\n${body}`);
}

function firstBytes(buffer: Uint8Array): string {
  return String.fromCharCode(...buffer.subarray(0, 12)).replace(/\r\n[^]*/, "\r\n");
}

function endOfHead(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(13, from); at >= 0; at = bytes.indexOf(13, at + 1)) {
    if (bytes[at + 1] === 10 && bytes[at + 2] === 13 && bytes[at + 3] === 10) return at;
  }
  return -1;
}

function parseHeaders(lines: string[]): HttpHeaders {
  const headers = new Map<string, string>();
  for (const line of lines.slice(1)) {
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(0, colon)).toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (!TOKEN.test(name) || /[\0\r\n]/.test(line)) {
      throw new SyntaxError("a line of the headers is malformed");
    }
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return headers;
}
