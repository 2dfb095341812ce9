/**
 * Keys for tables whose numbers a peer chooses.
 *
 * @module
 */

/** A number as the key of a table. */
export type NumberKey = number | string;

/** Numbers below are so few that no choice of them makes a table slow. */
const MANY = 65_536;

/**
 * Gives the key of a number. The runtime hashes numbers, and texts of digits, in a way that everybody
 * knows, so that a peer could choose many that take quadratic time; how it hashes other texts is a
 * secret of each process.
 *
 * @param id The number.
 * @returns The number itself if it is small, or else a text that is no number.
 */
export function numberKey(id: number | bigint): NumberKey {
  return typeof id === "number" && id >= 0 && id < MANY ? id : `#${id}`;
}
