/**
 * Passwords hashed by scrypt, as lines of text in the PHC format.
 *
 * @module
 */

import { scrypt } from "node:crypto";
import { equalSecrets } from "./bytes.ts";

/** Cost parameters of scrypt: what one guess at a password costs. */
export interface ScryptParameters {
  /**
   * Number of rounds, a power of two. Memory grows with it: 32 MiB per login by default. Defaults
   * to 32,768.
   */
  cost?: number;

  /** Size of the blocks, in units of 128 bytes. Defaults to 8. */
  blockSize?: number;

  /** How many times the whole computation is done. Defaults to 3. */
  parallelization?: number;
}

/** The parts of a stored password. */
interface Stored {
  readonly parameters: Required<ScryptParameters>;
  readonly salt: Uint8Array;
  readonly key: Uint8Array;
}

const SALT_LENGTH = 16;
const KEY_LENGTH = 32;
const PHC = /^\$scrypt\$ln=(\d+),r=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

/** Fills in defaults, and refuses numbers that make no sense to scrypt. */
export function scryptParameters(given: ScryptParameters = {}): Required<ScryptParameters> {
  const { cost = 2 ** 15, blockSize = 8, parallelization = 3 } = given;
  if (!Number.isInteger(Math.log2(cost)) || cost < 2) {
    throw new RangeError(`Cannot hash with cost "${cost}": not a power of two`);
  }
  for (const number of [blockSize, parallelization]) {
    if (Number.isInteger(number) && number >= 1) continue;
    throw new RangeError(`Cannot hash with "${number}": not a positive whole number`);
  }
  return { cost, blockSize, parallelization };
}

/** Hashes a password with a new salt. */
export async function hashScrypt(
  password: Uint8Array,
  parameters: Required<ScryptParameters>,
): Promise<string> {
  const salt = crypto.getRandomValues(new Uint8Array(SALT_LENGTH));
  return format({ parameters, salt, key: await derive(password, { parameters, salt }) });
}

/** Creates a hash that no password matches, and that costs as much to check as a real one. */
export function decoyScrypt(parameters: Required<ScryptParameters>): string {
  const salt = crypto.getRandomValues(new Uint8Array(SALT_LENGTH));
  const key = crypto.getRandomValues(new Uint8Array(KEY_LENGTH));
  return format({ parameters, salt, key });
}

/** Checks a password against a stored hash, in constant time. */
export async function verifyScrypt(password: Uint8Array, stored: string): Promise<boolean> {
  const { parameters, salt, key } = parse(stored);
  return equalSecrets(await derive(password, { parameters, salt }), key);
}

/** Returns whether a stored password was hashed at a lower cost than it should be. */
export function isCheaper(stored: string, than: Required<ScryptParameters>): boolean {
  const { parameters: { cost, blockSize, parallelization } } = parse(stored);
  return cost < than.cost || blockSize < than.blockSize || parallelization < than.parallelization;
}

function derive(
  password: Uint8Array,
  { parameters, salt }: Omit<Stored, "key">,
): Promise<Uint8Array> {
  const { cost, blockSize, parallelization } = parameters;
  // The memory that these parameters take, and some to spare.
  const maxmem = 128 * blockSize * (cost + parallelization) + 2 ** 20;
  return new Promise((resolve, reject) => {
    const options = { cost, blockSize, parallelization, maxmem };
    scrypt(password, salt, KEY_LENGTH, options, (error, key) => {
      if (error) reject(error);
      else resolve(new Uint8Array(key));
    });
  });
}

function format({ parameters: { cost, blockSize, parallelization }, salt, key }: Stored): string {
  const numbers = `ln=${Math.log2(cost)},r=${blockSize},p=${parallelization}`;
  return `$scrypt$${numbers}$${unpadded(salt)}$${unpadded(key)}`;
}

function parse(stored: string): Stored {
  const [, ln, r, p, salt, key] = PHC.exec(stored) ?? [];
  if (salt === undefined || key === undefined) {
    throw new SyntaxError("Cannot read stored password: not of the form $scrypt$…");
  }
  const parameters = { cost: 2 ** Number(ln), blockSize: Number(r), parallelization: Number(p) };
  return { parameters, salt: Uint8Array.fromBase64(salt), key: Uint8Array.fromBase64(key) };
}

function unpadded(bytes: Uint8Array): string {
  return bytes.toBase64({ omitPadding: true });
}
