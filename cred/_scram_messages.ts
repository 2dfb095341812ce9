/**
 * The four messages of SCRAM (RFC 5802, section 7), as text.
 *
 * @module
 */

import { fromBase64, KEY_LENGTH } from "./_scram_keys.ts";
import { toText } from "./_bytes.ts";
import { ScramError } from "./errors.ts";

/** Longest message that is read, in bytes. */
const MAX_MESSAGE = 4096;

/** What a client says first. */
export interface ClientFirst {
  /** What it says of channel binding, with both commas; it is repeated later. */
  readonly header: string;
  /** The message without that. */
  readonly bare: string;
  /** The name as the client sent it, its escapes undone. */
  readonly username: string;
  /** Random text of the client. */
  readonly nonce: string;
}

/** What the server answers. */
export interface ServerFirst {
  /** Random text of the client and of the server, in a row. */
  readonly nonce: string;
  readonly salt: Uint8Array;
  readonly iterations: number;
}

/** What the client proves. */
export interface ClientFinal {
  /** The message up to the proof. */
  readonly unproved: string;
  /** What was said of channel binding, in base64. */
  readonly binding: string;
  readonly nonce: string;
  readonly proof: Uint8Array;
}

/** Printable ASCII without the comma. */
const NONCE = /^[\x21-\x2b\x2d-\x7e]+$/;

/** Channel binding not supported, or not by the server; no identity to act as; name; nonce. */
const CLIENT_FIRST = /^([ny],,)(n=([^,]+),r=([^,]+)(?:,.*)?)$/s;
const SERVER_FIRST = /^r=([^,]+),s=([^,]+),i=([1-9]\d{0,9})(?:,.*)?$/s;
const CLIENT_FINAL = /^(c=([^,]+),r=([^,]+)(?:,.*)?),p=([^,]+)$/s;
const SERVER_FINAL = /^v=([^,]+)(?:,.*)?$/s;

/** Writes a name so that it holds neither comma nor equals sign. */
export function escapeName(name: string): string {
  return name.replaceAll("=", "=3D").replaceAll(",", "=2C");
}

/** Reads what a client says first. */
export function parseClientFirst(message: Uint8Array): ClientFirst {
  const text = messageText(message, "client's first message");
  if (text.startsWith("p=")) throw new ScramError("Cannot log in: no channel binding here");
  const [, header = "", bare = "", name = "", nonce = ""] = CLIENT_FIRST.exec(text) ?? [];
  if (!NONCE.test(nonce) || /=(?!2C|3D)/.test(name)) throw unreadable("client's first message");
  const username = name.replaceAll("=2C", ",").replaceAll("=3D", "=");
  return { header, bare, username, nonce };
}

/** Reads what a server answers first. */
export function parseServerFirst(message: Uint8Array): ServerFirst {
  const text = messageText(message, "server's first message");
  const [, nonce = "", encoded = "", iterations] = SERVER_FIRST.exec(text) ?? [];
  const salt = fromBase64(encoded);
  if (!NONCE.test(nonce) || !salt?.length) throw unreadable("server's first message");
  return { nonce, salt, iterations: Number(iterations) };
}

/** Reads a client's proof. */
export function parseClientFinal(message: Uint8Array): ClientFinal {
  const text = messageText(message, "client's final message");
  const [, unproved = "", binding = "", nonce = "", encoded = ""] = CLIENT_FINAL.exec(text) ?? [];
  const proof = fromBase64(encoded);
  if (proof?.length !== KEY_LENGTH) throw unreadable("client's final message");
  return { unproved, binding, nonce, proof };
}

/** Reads a server's signature. */
export function parseServerFinal(message: Uint8Array): Uint8Array {
  const text = messageText(message, "server's final message");
  const [, encoded = ""] = SERVER_FINAL.exec(text) ?? [];
  const signature = fromBase64(encoded);
  if (signature?.length !== KEY_LENGTH) throw unreadable("server's final message");
  return signature;
}

function messageText(message: Uint8Array, what: string): string {
  const text = message.length <= MAX_MESSAGE ? toText(message) : undefined;
  if (text === undefined || text.includes("\0")) throw unreadable(what);
  return text;
}

function unreadable(what: string): ScramError {
  return new ScramError(`Cannot log in: ${what} is not SCRAM`);
}
