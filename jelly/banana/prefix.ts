/**
 * Prefixes: numbers in base 128, the least significant digit first.
 *
 * @module
 */

/**
 * Returns the value of a prefix.
 *
 * @param bytes The buffer that holds the prefix.
 * @param from Where it begins.
 * @param to Where it ends.
 * @returns The value if it is a safe integer, or else some number larger than those.
 */
export function prefixValue(bytes: Uint8Array, from: number, to: number): number {
  let value = 0;
  for (let at = to - 1; at >= from; at--) value = value * 128 + bytes[at]!;
  return value;
}

/**
 * Returns the exact value of a prefix of any length.
 *
 * @param bytes The buffer that holds the prefix.
 * @param from Where it begins.
 * @param to Where it ends.
 * @returns The value.
 */
export function bigPrefixValue(bytes: Uint8Array, from: number, to: number): bigint {
  let digits = "0b0";
  for (let at = to - 1; at >= from; at--) digits += bytes[at]!.toString(2).padStart(7, "0");
  return BigInt(digits);
}

/**
 * Returns how many bytes the prefix for a length takes.
 *
 * @param length A length, less than 2^28.
 * @returns The smallest number of bytes that will do, at least 1.
 */
export function prefixBytes(length: number): number {
  return length < 0x80 ? 1 : length < 0x4000 ? 2 : length < 0x200000 ? 3 : 4;
}
