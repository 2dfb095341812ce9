/**
 * The four messages of SCRAM (RFC 5802, section 7), as text.
 *
 * @module
 */

import { fromBase64, KEY_LENGTH } from "./_scram_keys.ts";
import { toText } from "./bytes.ts";
import { ScramError } from "./errors.ts";

/** Maximum length of a message in bytes. */
const MAX_MESSAGE = 4096;

/** A client's first message. */
export interface ClientFirst {
  /** What it says about channel binding, with both commas; repeated in the final message. */
  readonly header: string;
  /** The rest of the message. */
  readonly bare: string;
  /** The name as the client sent it, with its escapes undone. */
  readonly username: string;
  /** The client's random string. */
  readonly nonce: string;
}

/** The server's first message. */
export interface ServerFirst {
  /** The random strings of the client and the server, one after the other. */
  readonly nonce: string;
  readonly salt: Uint8Array;
  readonly iterations: number;
}

/** The client's final message. */
export interface ClientFinal {
  /** The message up to the proof. */
  readonly unproved: string;
  /** What the first message said about channel binding, in base64. */
  readonly binding: string;
  readonly nonce: string;
  readonly proof: Uint8Array;
}

/** Printable ASCII without the comma. */
const NONCE = /^[\x21-\x2b\x2d-\x7e]+$/;

/** No channel binding (not by the client, or not by the server); no other identity; name; nonce. */
const CLIENT_FIRST = /^([ny],,)(n=([^,]+),r=([^,]+)(?:,.*)?)$/s;
const SERVER_FIRST = /^r=([^,]+),s=([^,]+),i=([1-9]\d{0,9})(?:,.*)?$/s;
const CLIENT_FINAL = /^(c=([^,]+),r=([^,]+)(?:,.*)?),p=([^,]+)$/s;
const SERVER_FINAL = /^v=([^,]+)(?:,.*)?$/s;

/** Escapes the commas and equals signs in a name. */
export function escapeName(name: string): string {
  return name.replaceAll("=", "=3D").replaceAll(",", "=2C");
}

/** Reads a client's first message. */
export function parseClientFirst(message: Uint8Array): ClientFirst {
  const text = messageText(message, "client's first message");
  if (text.startsWith("p=")) {
    throw new ScramError("Cannot log in: channel binding is not supported");
  }
  const [, header = "", bare = "", name = "", nonce = ""] = CLIENT_FIRST.exec(text) ?? [];
  if (!NONCE.test(nonce) || /=(?!2C|3D)/.test(name)) throw unreadable("client's first message");
  const username = name.replaceAll("=2C", ",").replaceAll("=3D", "=");
  return { header, bare, username, nonce };
}

/** Reads a server's first message. */
export function parseServerFirst(message: Uint8Array): ServerFirst {
  const text = messageText(message, "server's first message");
  const [, nonce = "", encoded = "", iterations] = SERVER_FIRST.exec(text) ?? [];
  const salt = fromBase64(encoded);
  if (!NONCE.test(nonce) || !salt?.length) throw unreadable("server's first message");
  return { nonce, salt, iterations: Number(iterations) };
}

/** Reads a client's final message. */
export function parseClientFinal(message: Uint8Array): ClientFinal {
  const text = messageText(message, "client's final message");
  const [, unproved = "", binding = "", nonce = "", encoded = ""] = CLIENT_FINAL.exec(text) ?? [];
  const proof = fromBase64(encoded);
  if (proof?.length !== KEY_LENGTH) throw unreadable("client's final message");
  return { unproved, binding, nonce, proof };
}

/** Reads a server's final message, and returns its signature. */
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
