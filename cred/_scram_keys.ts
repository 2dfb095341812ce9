/**
 * The arithmetic of SCRAM-SHA-256, on WebCrypto.
 *
 * @module
 */

import { saslprep } from "./_saslprep.ts";
import { toBytes, toText } from "./bytes.ts";

/** Length in bytes of all keys, signatures and proofs. */
export const KEY_LENGTH = 32;

/** Minimum number of iterations that RFC 7677 allows. */
export const MIN_ITERATIONS = 4096;

/** Minimum length in bytes of the secret that decoys are made from. */
const MIN_DECOY_KEY = 16;

/** Refuses a number of iterations that is too small or not an integer. */
export function checkIterations(iterations: number): void {
  if (Number.isInteger(iterations) && iterations >= MIN_ITERATIONS) return;
  throw new RangeError(`Cannot hash "${iterations}" times: the minimum is ${MIN_ITERATIONS}`);
}

/** Refuses a secret that could be guessed. */
export function checkDecoyKey(key: Uint8Array): void {
  if (key.length >= MIN_DECOY_KEY) return;
  throw new RangeError(
    `Cannot make decoys from "${key.length}" bytes of key: the minimum is ${MIN_DECOY_KEY}`,
  );
}

/** The keys that are derived from a password and a salt. */
export interface ScramKeys {
  /** Known only to those who know the password. */
  readonly clientKey: Uint8Array;
  /** Known to the server as well. */
  readonly serverKey: Uint8Array;
}

/** Returns the bytes of a password that are hashed, or `undefined` if SASLprep refuses it. */
export function preparePassword(password: string | Uint8Array): Uint8Array | undefined {
  const text = typeof password === "string" ? password : toText(password);
  if (text === undefined) return toBytes(password);
  const prepared = saslprep(text);
  return prepared === undefined ? undefined : toBytes(prepared);
}

/** Hashes a prepared password, slowly, and derives both keys from it. */
export async function deriveKeys(
  password: Uint8Array,
  { salt, iterations }: { salt: Uint8Array; iterations: number },
): Promise<ScramKeys> {
  const key = await crypto.subtle.importKey("raw", owned(password), "PBKDF2", false, [
    "deriveBits",
  ]);
  const algorithm = { name: "PBKDF2", hash: "SHA-256", salt: owned(salt), iterations };
  const salted = new Uint8Array(await crypto.subtle.deriveBits(algorithm, key, KEY_LENGTH * 8));
  const [clientKey, serverKey] = await Promise.all([
    hmac(salted, toBytes("Client Key")),
    hmac(salted, toBytes("Server Key")),
  ]);
  return { clientKey, serverKey };
}

/** Returns the HMAC of data under a key, which must not be empty. */
export async function hmac(key: Uint8Array, data: Uint8Array): Promise<Uint8Array> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("raw", owned(key), algorithm, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, owned(data)));
}

/** Returns the digest of data. */
export async function sha256(data: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", owned(data)));
}

/** Combines two keys of the same length bit by bit. */
export function xor(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((byte, index) => byte ^ (b[index] ?? 0));
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** Decodes base64 with padding and without white space; returns `undefined` for anything else. */
export function fromBase64(text: string): Uint8Array | undefined {
  if (!BASE64.test(text)) return undefined;
  try {
    return Uint8Array.fromBase64(text, { lastChunkHandling: "strict" });
  } catch {
    return undefined;
  }
}

/** Copies bytes: WebCrypto accepts no views of shared memory, and the type says so. */
function owned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}
