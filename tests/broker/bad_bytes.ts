/** What misbehaving peers send, and a server to send it to. */
import { assertInstanceOf } from "@std/assert";
import {
  type Broker,
  type BrokerOptions,
  type Kwargs,
  Referenceable,
  type RemoteReference,
  Root,
} from "@perspective/broker/broker";
import type { Said } from "./raw_peer.ts";

class Thing extends Referenceable {}

/** The object that misbehaving peers call. */
export class Service extends Root {
  readonly thing = new Thing();
  remote_echo(...args: unknown[]): unknown {
    return args[0];
  }
  remote_names(...args: unknown[]): string[] {
    return Object.keys(args.at(-1) as Kwargs);
  }
  remote_thing(): Thing {
    return this.thing;
  }
  remote_call(reference: RemoteReference): Promise<unknown> {
    return reference.callRemote("name");
  }
}

/** A call that is answered with `["answer", 9, 9]`. */
export const ECHO = ["message", 9, "root", "echo", 1, ["tuple", 9], ["dictionary"]];

/** A call of the root object. */
export function call(method: string, ...args: unknown[]): unknown[] {
  return ["message", 1, "root", method, 1, ["tuple", ...args], ["dictionary"]];
}

/** Bytes of ASCII text. */
export function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** A prefix in base 128, and a type byte. */
function head(prefix: number, type: number): Uint8Array {
  const bytes: number[] = [];
  for (let rest = prefix; rest !== 0; rest = Math.floor(rest / 128)) bytes.push(rest % 128);
  return Uint8Array.of(...bytes, type);
}

/** Nested lists, of which the innermost is at the given depth. */
function nested(depth: number): Uint8Array {
  const bytes = new Uint8Array(2 * depth);
  for (let i = 0; i < depth; i++) bytes.set([1, 0x80], 2 * i);
  return Uint8Array.of(...bytes, 0, 0x80);
}

/** Returns the error that ended a connection. */
export async function endOf(broker: Broker): Promise<Error> {
  const reason = await broker.closed;
  assertInstanceOf(reason, Error);
  return reason;
}

/** Bytes without meaning. */
export const GARBAGE = Uint8Array.from({ length: 100 }, (_, i) => 0xff - i);
/** The first bytes of TLS, from either end. */
export const TLS_HELLO = Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, ...GARBAGE);

/** Peers whose first bytes show that they are not clients. */
export const NO_CLIENTS: { name: string; said: Said; error: string }[] = [
  {
    name: "an HTTP client",
    said: ascii("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    error: "it looks like an HTTP client",
  },
  {
    name: "an HTTP client that posts",
    said: ascii(`POST /a/long/path HTTP/1.1\r\nUser-Agent: ${"x".repeat(100)}\r\n\r\n`),
    error: "it looks like an HTTP client",
  },
  { name: "a TLS client", said: TLS_HELLO, error: "it looks like TLS" },
  { name: "an SSH client", said: ascii("SSH-2.0-OpenSSH_9.2\r\n"), error: "it looks like SSH" },
  { name: "garbage", said: GARBAGE, error: "0xff is not a type byte of banana" },
  { name: "an unknown dialect", said: "klingon", error: "none that was offered" },
  { name: "a list of dialects", said: ["pb", "none"], error: "none that was offered" },
  { name: "a number for a dialect", said: 1, error: "none that was offered" },
  { name: "a call before the dialect", said: ECHO, error: "the dialect is not set" },
  {
    name: "a word of the vocabulary before the dialect",
    said: Uint8Array.of(1, 0x87),
    error: "the dialect is not set",
  },
];

/** Messages after which the stream cannot be trusted. */
export const FATAL: { name: string; said: Said; error: string; options?: BrokerOptions }[] = [
  { name: "a number", said: 5, error: "it is not a list" },
  { name: "a byte string", said: "message", error: "it is not a list" },
  { name: "an empty list", said: [], error: "it has no name" },
  { name: "a list that begins with a number", said: [1, 2], error: "it has no name" },
  { name: "a list that begins with a list", said: [["message"]], error: "it has no name" },
  { name: "a version without a number", said: ["version"], error: "it has 0 parts, not 1" },
  { name: "another version", said: ["version", 5], error: "Version Incompatibility: 6 5" },
  { name: "a version that is a byte string", said: ["version", "6"], error: "not an integer" },
  { name: "a call without arguments", said: ["message", 1, "root", "echo", 1], error: "4 parts" },
  { name: "a call with one part too many", said: [...ECHO, 1], error: "7 parts, not 6" },
  { name: "a call numbered by a text", said: ["message", "1", ...ECHO.slice(2)], error: "integer" },
  {
    name: "a call numbered by a float",
    said: ["message", { float: "1.0" }, ...ECHO.slice(2)],
    error: "not an integer",
  },
  {
    name: "a call on a list as its object",
    said: ["message", 1, ["root"], ...ECHO.slice(3)],
    error: "it names no object",
  },
  {
    name: "a method that is a number",
    said: ["message", 1, "root", 7, ...ECHO.slice(4)],
    error: "the name of the method is not a byte string",
  },
  {
    name: "a method that is not UTF-8",
    said: ["message", 1, "root", { hex: "ff" }, ...ECHO.slice(4)],
    error: "UTF-8",
  },
  {
    name: "a message whose name is not UTF-8",
    said: [{ hex: "ff" }, 1],
    error: "UTF-8",
  },
  {
    name: "an answer flag that is a byte string",
    said: ["message", 1, "root", "echo", "yes", ["tuple"], ["dictionary"]],
    error: "not an integer",
  },
  { name: "an answer to no request", said: ["answer", 1, 5], error: "request 1: there is none" },
  {
    name: "an answer to a request number that is out of range",
    said: ["answer", { int: "99999999999999999999" }, 5],
    error: "there is none",
  },
  { name: "an error for no request", said: ["error", -1, 5], error: "request -1: there is none" },
  { name: "an answer without a value", said: ["answer", 1], error: "1 parts, not 2" },
  {
    name: "an answer with a list for its number",
    said: ["answer", [1], 5],
    error: "not an integer",
  },
  { name: "a decref of an unknown object", said: ["decref", 77], error: 'object "77"' },
  { name: "a decref of the root", said: ["decref", "root"], error: 'object "root"' },
  { name: "a decref without a number", said: ["decref"], error: "0 parts, not 1" },
  { name: "a decref of a list", said: ["decref", []], error: "it names no object" },
  {
    name: "a decache of an unknown cache",
    said: ["decache", 77],
    error: "the peer has no such cache",
  },
  { name: "a decache without a number", said: ["decache"], error: "0 parts, not 1" },
  { name: "an uncache without a number", said: ["uncache"], error: "0 parts, not 1" },
  { name: "a byte that is not a type byte", said: Uint8Array.of(1, 0x99), error: "0x99" },
  {
    name: "a word beyond the vocabulary",
    said: Uint8Array.of(122, 0x87),
    error: "there is no such word",
  },
  {
    name: "a prefix over 64 bytes",
    said: Uint8Array.of(...new Uint8Array(65).fill(1), 0x81),
    error: "maxPrefixBytes",
  },
  { name: "a string over the limit", said: head(655_361, 0x82), error: "maxStringBytes" },
  { name: "a list over the limit", said: head(655_361, 0x80), error: "maxListItems" },
  { name: "a list of 2^30 items", said: head(2 ** 30, 0x80), error: "maxListItems" },
  { name: "lists nested too deep", said: nested(1025), error: "maxDepth" },
  {
    name: "a message over the limit",
    said: ["x", "a".repeat(200)],
    error: "maxMessageBytes",
    options: { limits: { maxMessageBytes: 100 } },
  },
  {
    name: "more elements than the limit",
    said: [...Array(30).keys()],
    error: "maxElements",
    options: { limits: { maxElements: 20 } },
  },
];
