/**
 * Prefixes: numbers in base 128, the least significant digit first.
 *
 * @module
 */

/**
 * Gives the value of a prefix.
 *
 * @param bytes Where the prefix is.
 * @param from Where it begins.
 * @param to Where it ends.
 * @returns The value if that is a safe integer, else something larger than those.
 */
export function prefixValue(bytes: Uint8Array, from: number, to: number): number {
  let value = 0;
  for (let at = to - 1; at >= from; at--) value = value * 128 + bytes[at]!;
  return value;
}

/**
 * Gives the exact value of a prefix of any length.
 *
 * @param bytes Where the prefix is.
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
 * Tells how many bytes a prefix takes.
 *
 * @param length A length, less than 2^28.
 * @returns The least number of bytes, at least 1.
 */
export function prefixBytes(length: number): number {
  return length < 0x80 ? 1 : length < 0x4000 ? 2 : length < 0x200000 ? 3 : 4;
}
