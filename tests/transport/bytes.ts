/**
 * Reads and writes exact amounts of bytes, for tests.
 *
 * @module
 */

import type { Transport } from "@perspective/broker/transport";

/** Returns a pattern of bytes that reveals lost, doubled or displaced bytes. */
export function pattern(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => (i * 31 + (i >> 8) * 7 + (i >> 16)) & 0xff);
}

/** Writes all of the bytes. */
export async function writeAll(transport: Transport, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) {
    sent += await transport.write(bytes.subarray(sent));
  }
}

/** Reads exactly `size` bytes, with reads of at most `chunk`; fails if the end comes first. */
export async function readExactly(
  transport: Transport,
  size: number,
  chunk: number = size,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(size);
  for (let got = 0; got < size;) {
    const count = await transport.read(bytes.subarray(got, got + chunk));
    if (count === null) throw new Error(`Cannot read ${size} bytes: the end came after ${got}`);
    got += count;
  }
  return bytes;
}

/** Reads until the end, or until a read fails; returns how many bytes arrived, and the error. */
export async function readToEnd(
  transport: Transport,
): Promise<{ count: number; error?: unknown }> {
  const buffer = new Uint8Array(65_536);
  let count = 0;
  for (;;) {
    try {
      const more = await transport.read(buffer);
      if (more === null) return { count };
      count += more;
    } catch (error) {
      return { count, error };
    }
  }
}

/** Encodes a text. */
export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Compares without describing every difference, which would take long for megabytes. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
