/**
 * Digests that old mechanisms are built on, and that WebCrypto lacks or computes only
 * asynchronously.
 *
 * @module
 */

import { crypto } from "@std/crypto/crypto";
import { concat, toBytes } from "./bytes.ts";

/** Digests in use, by the names that `@std/crypto` gives them. */
export type DigestName = "MD5" | "SHA-1" | "SHA-256";

/** Size of the blocks that all of these digests work on, in bytes. */
const BLOCK = 64;

/** Returns the digest of some parts, one after the other, as bytes. */
export function digest(name: DigestName, ...parts: (string | Uint8Array)[]): Uint8Array {
  return new Uint8Array(crypto.subtle.digestSync(name, concat(...parts)));
}

/** Returns the digest of some parts, one after the other, in hexadecimal. */
export function hexDigest(name: DigestName, ...parts: (string | Uint8Array)[]): string {
  return digest(name, ...parts).toHex();
}

/** Returns the HMAC (RFC 2104) of data under a key, in hexadecimal. */
export function hexHmac(name: DigestName, key: string | Uint8Array, data: Uint8Array): string {
  const given = toBytes(key);
  const block = new Uint8Array(BLOCK);
  block.set(given.length > BLOCK ? digest(name, given) : given);
  const inner = digest(name, block.map((byte) => byte ^ 0x36), data);
  return hexDigest(name, block.map((byte) => byte ^ 0x5c), inner);
}
