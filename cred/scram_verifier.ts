/**
 * What a server stores instead of a password for SCRAM-SHA-256 (RFC 5802, RFC 7677).
 *
 * @module
 */

import {
  checkDecoyKey,
  checkIterations,
  deriveKeys,
  fromBase64,
  hmac,
  KEY_LENGTH,
  preparePassword,
  sha256,
} from "./_scram_keys.ts";
import { toBytes } from "./bytes.ts";

/** Default number of iterations for new verifiers. */
export const DEFAULT_SCRAM_ITERATIONS: number = 600_000;

/** Length in bytes of the salt in a new verifier. */
const SALT_LENGTH = 16;

/**
 * What a server stores instead of a password, for SCRAM-SHA-256.
 *
 * It is enough to check a client's proof, and to prove to the client that the server knows the
 * user, but not to log in: a thief must still guess the password, and each guess costs all the
 * iterations.
 */
export interface ScramVerifier {
  /** Number of iterations of hashing between the password and the keys. */
  readonly iterations: number;

  /** Random bytes, different for each user. */
  readonly salt: Uint8Array;

  /** Proves that the client knows the password; 32 bytes. */
  readonly storedKey: Uint8Array;

  /** Proves to the client that the server knows this verifier; 32 bytes. */
  readonly serverKey: Uint8Array;
}

/** Options for {@linkcode makeScramVerifier}. */
export interface ScramVerifierOptions {
  /** Number of iterations, at least 4096. Defaults to {@linkcode DEFAULT_SCRAM_ITERATIONS}. */
  iterations?: number;

  /** The salt. Defaults to 16 random bytes. */
  salt?: Uint8Array;
}

/**
 * Creates the verifier of a password.
 *
 * Strings (and bytes that are UTF-8) go through SASLprep first; other bytes are hashed as they are.
 *
 * @example
 * ```ts
 * import { formatScramVerifier, makeScramVerifier } from "@perspective/broker/cred";
 * import { assertMatch } from "@std/assert";
 *
 * const verifier = await makeScramVerifier("secret", { iterations: 4096 });
 * assertMatch(formatScramVerifier(verifier), /^SCRAM-SHA-256\$4096:/);
 * ```
 *
 * @param password The password.
 * @param options Cost and salt.
 * @returns What to store.
 * @throws {RangeError} If the iterations are too few, or SASLprep refuses the password, as it does
 * control characters.
 */
export async function makeScramVerifier(
  password: string | Uint8Array,
  options: ScramVerifierOptions = {},
): Promise<ScramVerifier> {
  const { iterations = DEFAULT_SCRAM_ITERATIONS } = options;
  const { salt = crypto.getRandomValues(new Uint8Array(SALT_LENGTH)) } = options;
  checkIterations(iterations);
  const prepared = preparePassword(password);
  if (prepared === undefined) throw new RangeError("Cannot use password: SASLprep refuses it");
  const { clientKey, serverKey } = await deriveKeys(prepared, { salt, iterations });
  return { iterations, salt, storedKey: await sha256(clientKey), serverKey };
}

/**
 * Creates a verifier for a user who does not exist, which no password matches.
 *
 * The same key and name always lead to the same salt, so that asking twice does not reveal who
 * exists.
 *
 * @example
 * ```ts
 * import { decoyScramVerifier } from "@perspective/broker/cred";
 * import { assertEquals } from "@std/assert";
 *
 * const key = crypto.getRandomValues(new Uint8Array(32)); // kept with the users
 * const once = await decoyScramVerifier("nobody", { key });
 * assertEquals((await decoyScramVerifier("nobody", { key })).salt, once.salt);
 * ```
 *
 * @param username The name that was asked for.
 * @param options The secret behind the salt, at least 16 bytes, and the cost that real users have.
 * @returns What to use instead of a user's verifier.
 * @throws {RangeError} If the key is too short.
 */
export async function decoyScramVerifier(
  username: string,
  { key, iterations = DEFAULT_SCRAM_ITERATIONS }: { key: Uint8Array; iterations?: number },
): Promise<ScramVerifier> {
  checkDecoyKey(key);
  const [salt, storedKey, serverKey] = await Promise.all(
    ["salt", "stored", "server"].map((use) => hmac(key, toBytes(`${use}:${username}`))),
  ) as [Uint8Array, Uint8Array, Uint8Array];
  return { iterations, salt: salt.subarray(0, SALT_LENGTH), storedKey, serverKey };
}

/**
 * Formats a verifier as one line of text, in the form that databases use (RFC 5803).
 *
 * @example
 * ```ts
 * import {
 *   formatScramVerifier,
 *   makeScramVerifier,
 *   parseScramVerifier,
 * } from "@perspective/broker/cred";
 * import { assertEquals } from "@std/assert";
 *
 * const verifier = await makeScramVerifier("secret", { iterations: 4096 });
 * assertEquals(parseScramVerifier(formatScramVerifier(verifier)), verifier);
 * ```
 *
 * @param verifier The verifier.
 * @returns `SCRAM-SHA-256$iterations:salt$storedKey:serverKey`, the last three in base64.
 */
export function formatScramVerifier(verifier: ScramVerifier): string {
  const { iterations, salt, storedKey, serverKey } = verifier;
  const keys = `${storedKey.toBase64()}:${serverKey.toBase64()}`;
  return `SCRAM-SHA-256$${iterations}:${salt.toBase64()}$${keys}`;
}

const VERIFIER = /^SCRAM-SHA-256\$([1-9]\d{3,8}):([^:$]+)\$([^:$]+):([^:$]+)$/;

/**
 * Reads a verifier that {@linkcode formatScramVerifier} or a database such as PostgreSQL wrote.
 *
 * @example
 * ```ts
 * import { parseScramVerifier } from "@perspective/broker/cred";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
 * assertEquals(parseScramVerifier(`SCRAM-SHA-256$4096:c2FsdA==$${key}:${key}`).iterations, 4096);
 * assertThrows(() => parseScramVerifier("md5d41d8cd98f00b204e9800998ecf8427e"), SyntaxError);
 * ```
 *
 * @param text The line.
 * @returns The verifier.
 * @throws {SyntaxError} If it is not such a line.
 */
export function parseScramVerifier(text: string): ScramVerifier {
  const [, iterations, ...parts] = VERIFIER.exec(text) ?? [];
  const [salt, storedKey, serverKey] = parts.map(fromBase64);
  if (
    salt === undefined || storedKey?.length !== KEY_LENGTH || serverKey?.length !== KEY_LENGTH
  ) throw new SyntaxError("Cannot read verifier: not of the form SCRAM-SHA-256$…");
  return { iterations: Number(iterations), salt, storedKey, serverKey };
}
