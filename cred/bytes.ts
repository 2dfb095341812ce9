/**
 * The bytes of names and secrets, and the one way in which secrets are compared.
 *
 * @module
 */

import { timingSafeEqual } from "@std/crypto/timing-safe-equal";

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Returns the UTF-8 bytes of a string; bytes stay as they are. */
export function toBytes(value: string | Uint8Array): Uint8Array {
  return typeof value === "string" ? ENCODER.encode(value) : value;
}

/** Decodes UTF-8; returns `undefined` if the bytes are not valid. */
export function toText(bytes: Uint8Array): string | undefined {
  try {
    return DECODER.decode(bytes);
  } catch {
    return undefined;
  }
}

/**
 * Creates a secret that nobody knows, for checks that must fail: 32 bytes of ASCII. Bytes that are
 * not UTF-8 would take longer to prepare than a password, and so reveal that the check must fail.
 */
export function unknownSecret(): Uint8Array {
  return toBytes(crypto.getRandomValues(new Uint8Array(24)).toBase64());
}

/** Concatenates some parts; strings as UTF-8. */
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
 * Compares two secrets in a time that reveals neither where they differ nor which one is longer.
 *
 * @param a Bytes, or a string as UTF-8.
 * @param b Bytes, or a string as UTF-8.
 */
export function equalSecrets(a: string | Uint8Array, b: string | Uint8Array): boolean {
  const [left, right] = [toBytes(a), toBytes(b)];
  if (left.length === right.length) return timingSafeEqual(left, right);
  const length = Math.max(left.length, right.length);
  timingSafeEqual(padded(left, length), padded(right, length));
  return false;
}

function padded(bytes: Uint8Array, length: number): Uint8Array {
  const buffer = new Uint8Array(length);
  buffer.set(bytes);
  return buffer;
}
