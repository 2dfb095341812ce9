/**
 * Bytes of names and secrets, and the one way in which this folder compares them.
 *
 * @module
 */

import { timingSafeEqual } from "@std/crypto/timing-safe-equal";

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Gives the bytes of a text in UTF-8; bytes stay as they are. */
export function toBytes(value: string | Uint8Array): Uint8Array {
  return typeof value === "string" ? ENCODER.encode(value) : value;
}

/** Gives the text that bytes are in UTF-8, or `undefined` if they are none. */
export function toText(bytes: Uint8Array): string | undefined {
  try {
    return DECODER.decode(bytes);
  } catch {
    return undefined;
  }
}

/**
 * Makes a secret that nobody knows, for checks that must fail: 32 bytes, which are text, since what is no
 * text takes longer to prepare than a password does, and would tell that there is none.
 */
export function unknownSecret(): Uint8Array {
  return toBytes(crypto.getRandomValues(new Uint8Array(24)).toBase64());
}

/** Puts some parts in a row; text as UTF-8. */
export function concat(...parts: (string | Uint8Array)[]): Uint8Array<ArrayBuffer> {
  const all = parts.map(toBytes);
  const result = new Uint8Array(all.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of all) {
    result.set(part, offset);
    offset += part.length;
  }
  return result;
}

/**
 * Compares two secrets in a time that tells neither where they differ nor which one is longer.
 *
 * @param a Bytes, or text as UTF-8.
 * @param b Bytes, or text as UTF-8.
 */
export function equalSecrets(a: string | Uint8Array, b: string | Uint8Array): boolean {
  const [left, right] = [toBytes(a), toBytes(b)];
  const length = Math.max(left.length, right.length);
  const same = timingSafeEqual(padded(left, length), padded(right, length));
  return same && left.length === right.length;
}

function padded(bytes: Uint8Array, length: number): Uint8Array {
  const buffer = new Uint8Array(length);
  buffer.set(bytes);
  return buffer;
}
