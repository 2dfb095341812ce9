/**
 * Reads what `record.py` recorded from Twisted; README.md says what is in the files.
 *
 * @module
 */

import type { Sexp } from "../../jelly/banana/sexp.ts";
import { Float } from "../../jelly/values/float.ts";

/** A dialect of banana. */
export type Dialect = "pb" | "none";

/** An s-expression and its bytes in both dialects. */
export interface BananaValue {
  kind: "value";
  name: string;
  sexp: Sexp;
  pb: Uint8Array;
  none: Uint8Array;
}

/** Bytes that no encoder sends but Twisted can read, and what it reads. */
export interface BananaRead {
  kind: "read";
  name: string;
  dialect: Dialect;
  wire: Uint8Array;
  sexps: Sexp[];
}

/** Bytes that Twisted refuses, and the class of its error. */
export interface BananaRefused {
  kind: "refused";
  name: string;
  dialect: Dialect;
  wire: Uint8Array;
  error: string;
}

/** An s-expression that Twisted does not send, and the class of its error. */
export interface BananaUnsendable {
  kind: "unsendable";
  name: string;
  sexp: Sexp;
  error: string;
}

/** A record of banana, by its kind. */
export interface BananaVectors {
  value: BananaValue[];
  read: BananaRead[];
  refused: BananaRefused[];
  unsendable: BananaUnsendable[];
}

/** A Python value, its s-expression, and the bytes of the latter in both dialects. */
export interface JellyVector {
  /** The Python expression, or the name of the function that builds the value. */
  name: string;
  /** The Python expression, or a description of what the function builds. */
  python: string;
  sexp: Sexp;
  pb: Uint8Array;
  none: Uint8Array;
}

/** One expression on the wire, or the end of the connection. */
export type Message =
  | { from: "client" | "server"; wire: Uint8Array; sexp: Sexp; closed?: undefined }
  | { from: "client" | "server"; closed: string };

/** A conversation between a Twisted client and a Twisted server. */
export interface Conversation {
  name: string;
  about: string;
  /** The results of the client's calls, as Python prints them. */
  results: string[];
  messages: Message[];
}

/** A challenge, a password, and the response to it. */
export interface ResponseVector {
  challenge: Uint8Array;
  password: Uint8Array;
  response: Uint8Array;
}

/** Reads the records of banana. */
export function bananaVectors(): BananaVectors {
  const vectors: BananaVectors = { value: [], read: [], refused: [], unsendable: [] };
  for (const record of records("banana.json")) {
    vectors[record.kind as keyof BananaVectors].push(decoded(record));
  }
  return vectors;
}

/** Reads the records of jelly. */
export function jellyVectors(): JellyVector[] {
  return records("jelly.json").map((record) => decoded<JellyVector>(record));
}

/**
 * Finds the record of one Python value.
 *
 * @throws {Error} If there is none with that name.
 */
export function jellyVector(name: string): JellyVector {
  return named(name, jellyVectors());
}

/** Reads the conversations. */
export function conversations(): Conversation[] {
  return records("pb.json").map((record) => ({
    ...record as unknown as Conversation,
    messages: (record.messages as JsonRecord[]).map((message) => decoded<Message>(message)),
  }));
}

/**
 * Finds one conversation.
 *
 * @throws {Error} If there is none with that name.
 */
export function conversation(name: string): Conversation {
  return named(name, conversations());
}

/** Reads the challenges and the responses to them. */
export function responseVectors(): ResponseVector[] {
  return records("respond.json").map((record) => decoded<ResponseVector>(record));
}

/**
 * Reads bytes in the form of the records: hexadecimal text, with runs such as `(61*655360)`.
 *
 * @throws {SyntaxError} If the text is anything else.
 */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  const parts = text.split(/[()]/).map((part) => {
    const [hex = "", times] = part.split("*");
    if (times === undefined) return Uint8Array.fromHex(hex);
    return new Uint8Array(Number(times)).fill(Number.parseInt(hex, 16));
  });
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/**
 * Reads an s-expression in the form of the records.
 *
 * @throws {TypeError} If the form is unknown.
 */
export function sexpOf(json: unknown): Sexp {
  if (Array.isArray(json)) return json.map(sexpOf);
  if (typeof json === "number") return json;
  if (typeof json === "string") return new TextEncoder().encode(json);
  const { hex, int, float } = json as Record<string, string | undefined>;
  if (hex !== undefined) return bytesOf(hex);
  if (int !== undefined) return BigInt(int);
  if (float === undefined) throw new TypeError(`Cannot read "${JSON.stringify(json)}"`);
  const value = Number(float.replace("nan", "NaN").replace("inf", "Infinity"));
  return Number.isSafeInteger(value) && !Object.is(value, -0) ? new Float(value) : value;
}

type JsonRecord = Record<string, unknown>;

/** Fields that hold bytes, by their names. */
const BYTES = ["wire", "pb", "none", "challenge", "password", "response"];

/** Reads the bytes and s-expressions in a record; the other fields stay as they are. */
function decoded<T>(record: JsonRecord): T {
  const fields = Object.entries(record).map(([name, value]) => {
    if (BYTES.includes(name)) return [name, bytesOf(value as string)];
    return [name, name === "sexp" || name === "sexps" ? sexpOf(value) : value];
  });
  return Object.fromEntries(fields);
}

function records(file: string): JsonRecord[] {
  return JSON.parse(Deno.readTextFileSync(new URL(file, import.meta.url))).records;
}

function named<T extends { name: string }>(name: string, all: T[]): T {
  const found = all.find((candidate) => candidate.name === name);
  if (!found) throw new Error(`Cannot find the record "${name}"`);
  return found;
}
