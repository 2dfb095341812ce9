/**
 * Keys for tables indexed by numbers that a peer chooses.
 *
 * @module
 */

/** A number as the key of a table. */
export type NumberKey = number | string;

/** There are so few numbers below this one that no choice of them makes a table slow. */
const MANY = 65_536;

/**
 * Returns the key for a number.
 *
 * How the runtime hashes numbers, and strings of digits, is public knowledge, so a peer could
 * choose many that take quadratic time; how it hashes other strings depends on a secret of each
 * process.
 *
 * @param id The number.
 * @returns The number itself if it is small, or else a string that is not a number.
 */
export function numberKey(id: number | bigint): NumberKey {
  return typeof id === "number" && id >= 0 && id < MANY ? id : `#${id}`;
}
