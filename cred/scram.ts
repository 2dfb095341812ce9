/**
 * Both sides of SCRAM-SHA-256 (RFC 5802, RFC 7677), independent of any connection.
 *
 * The client proves that it knows the password without revealing it, the server proves that it
 * knows the user's verifier, and the server stores nothing that would let a thief log in. The
 * messages are those of the RFC; there is no channel binding, so only TLS keeps others from
 * listening in.
 *
 * @module
 */

import { deriveKeys, hmac, MIN_ITERATIONS, preparePassword, sha256, xor } from "./_scram_keys.ts";
import {
  type ClientFirst,
  escapeName,
  parseClientFinal,
  parseClientFirst,
  parseServerFinal,
  parseServerFirst,
} from "./_scram_messages.ts";
import { concat, equalSecrets, toBytes } from "./bytes.ts";
import { saslprep } from "./_saslprep.ts";
import { ScramError, UnauthorizedLogin } from "./errors.ts";
import type { ScramVerifier } from "./scram_verifier.ts";

/** Number of random bytes in a nonce. */
const NONCE_LENGTH = 18;

/** Options for {@linkcode ScramClient}. */
export interface ScramClientOptions {
  /** Minimum number of iterations that the server may ask for. Defaults to 4096. */
  minIterations?: number;

  /**
   * Maximum number of iterations that the server may ask for. Defaults to 10 million, which take
   * about two seconds.
   */
  maxIterations?: number;

  /** Random string for this one login, printable and without commas; for tests only. */
  nonce?: string;
}

/** How far a client has got. */
type ClientState =
  | { readonly kind: "ready" }
  | { readonly kind: "asked"; readonly bare: string }
  | { readonly kind: "hashing" }
  | { readonly kind: "proved"; readonly signature: Uint8Array }
  | { readonly kind: "done" };

/**
 * The client's side of SCRAM-SHA-256, which knows the password.
 *
 * An object serves one login: `clientFirst`, then `clientFinal` with the server's first message,
 * then `verify` with its final one. Trust the server only once that has returned.
 *
 * @example The exchange of RFC 7677, section 3
 * ```ts
 * import { ScramClient } from "@perspective/broker/cred";
 * import { assertEquals } from "@std/assert";
 *
 * const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
 * const bytes = (text: string) => new TextEncoder().encode(text);
 *
 * const client = new ScramClient("user", "pencil", { nonce: "rOprNGfwEbeRWgbNEkqO" });
 * assertEquals(text(client.clientFirst()), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
 * const serverFirst = bytes(
 *   "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
 * );
 * assertEquals(
 *   text(await client.clientFinal(serverFirst)).split(",p=")[1],
 *   "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
 * );
 * client.verify(bytes("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
 * ```
 */
export class ScramClient {
  readonly #username: string;
  readonly #password: Uint8Array;
  readonly #nonce: string;
  readonly #minIterations: number;
  readonly #maxIterations: number;
  #state: ClientState = { kind: "ready" };

  /**
   * Creates a client for one login.
   *
   * Name and password go through SASLprep first, so that it does not matter how they were typed.
   *
   * @param username Name of the user.
   * @param password The password; bytes that are not UTF-8 are used as they are.
   * @param options What the server may ask for.
   * @throws {RangeError} If the name is empty, SASLprep refuses the name or the password (as it
   * does control characters), or no number of iterations is allowed.
   */
  constructor(username: string, password: string | Uint8Array, options: ScramClientOptions = {}) {
    const { minIterations = MIN_ITERATIONS, maxIterations = 10_000_000 } = options;
    if (!(minIterations <= maxIterations)) {
      const range = `${minIterations} to ${maxIterations}`;
      throw new RangeError(`Cannot allow "${range}" iterations: not a valid range`);
    }
    const name = saslprep(username);
    if (!name) {
      throw new RangeError(
        `Cannot log in as "${username}": the name is empty, or SASLprep refuses it`,
      );
    }
    const prepared = preparePassword(password);
    if (prepared === undefined) throw new RangeError("Cannot use password: SASLprep refuses it");
    this.#username = name;
    this.#password = prepared;
    this.#nonce = options.nonce ?? randomNonce();
    this.#minIterations = minIterations;
    this.#maxIterations = maxIterations;
  }

  /**
   * Begins the exchange.
   *
   * @returns The first message to send.
   * @throws {TypeError} If it is not the first step.
   */
  clientFirst(): Uint8Array {
    if (this.#state.kind !== "ready") throw outOfTurn("begin");
    const bare = `n=${escapeName(this.#username)},r=${this.#nonce}`;
    this.#state = { kind: "asked", bare };
    return toBytes(`n,,${bare}`);
  }

  /**
   * Proves that this side knows the password.
   *
   * @param serverFirst The server's first message.
   * @returns The final message to send.
   * @throws {ScramError} If the message is malformed, answers another client, or asks for too few
   * or too many iterations.
   * @throws {TypeError} If it is not the second step.
   */
  async clientFinal(serverFirst: Uint8Array): Promise<Uint8Array> {
    if (this.#state.kind !== "asked") throw outOfTurn("prove the password");
    const { bare } = this.#state;
    this.#state = { kind: "hashing" };
    const { nonce, salt, iterations } = parseServerFirst(serverFirst);
    if (!nonce.startsWith(this.#nonce) || nonce.length === this.#nonce.length) {
      throw new ScramError("Cannot log in: server's message is for another client");
    }
    if (iterations < this.#minIterations || iterations > this.#maxIterations) {
      const range = `${this.#minIterations} to ${this.#maxIterations}`;
      throw new ScramError(`Cannot hash "${iterations}" times: this client allows ${range}`);
    }
    const { clientKey, serverKey } = await deriveKeys(this.#password, { salt, iterations });
    const unproved = `c=${btoa("n,,")},r=${nonce}`;
    const exchange = concat(`${bare},`, serverFirst, `,${unproved}`);
    const proof = xor(clientKey, await hmac(await sha256(clientKey), exchange));
    this.#state = { kind: "proved", signature: await hmac(serverKey, exchange) };
    return toBytes(`${unproved},p=${proof.toBase64()}`);
  }

  /**
   * Checks that the server knows the user's verifier.
   *
   * @param serverFinal The server's final message.
   * @throws {ScramError} If the message is malformed, or the server does not know the verifier.
   * @throws {TypeError} If it is not the third step.
   */
  verify(serverFinal: Uint8Array): void {
    if (this.#state.kind !== "proved") throw outOfTurn("verify the server");
    const { signature } = this.#state;
    this.#state = { kind: "done" };
    if (!equalSecrets(parseServerFinal(serverFinal), signature)) {
      throw new ScramError("Cannot trust server: it does not know this user");
    }
  }
}

/** Options for {@linkcode ScramServer}. */
export interface ScramServerOptions {
  /** Random string for this one login, printable and without commas; for tests only. */
  nonce?: string;
}

/** How far a server has got. */
type ServerState =
  | { readonly kind: "asked" }
  | { readonly kind: "challenged"; readonly verifier: ScramVerifier; readonly message: string }
  | { readonly kind: "done" };

/**
 * The server's side of SCRAM-SHA-256, which keeps verifiers.
 *
 * An object serves one login, and accepts one proof: it is created from the client's first message,
 * then `serverFirst` takes the user's verifier, and `serverFinal` the client's proof.
 *
 * @example
 * ```ts
 * import { makeScramVerifier, ScramClient, ScramServer } from "@perspective/broker/cred";
 * import { assertEquals } from "@std/assert";
 *
 * const verifier = await makeScramVerifier("secret", { iterations: 4096 });
 *
 * const client = new ScramClient("alice", "secret");
 * const server = new ScramServer(client.clientFirst());
 * assertEquals(server.username, "alice");
 * const proof = await client.clientFinal(server.serverFirst(verifier));
 * client.verify(await server.serverFinal(proof));
 * ```
 */
export class ScramServer {
  /** The name that the client claims, after SASLprep. */
  readonly username: string;

  readonly #first: ClientFirst;
  readonly #nonce: string;
  #state: ServerState = { kind: "asked" };

  /**
   * Reads a client's first message.
   *
   * @param clientFirst The message.
   * @param options What only tests need.
   * @throws {ScramError} If it is malformed, asks for channel binding or for another identity, or
   * the name is empty or refused by SASLprep.
   */
  constructor(clientFirst: Uint8Array, options: ScramServerOptions = {}) {
    this.#first = parseClientFirst(clientFirst);
    const username = saslprep(this.#first.username);
    if (!username) throw new ScramError("Cannot log in: the name is empty, or SASLprep refuses it");
    this.username = username;
    this.#nonce = this.#first.nonce + (options.nonce ?? randomNonce());
  }

  /**
   * Challenges the client.
   *
   * @param verifier The user's verifier, or a decoy if there is no such user.
   * @returns The first message to send.
   * @throws {TypeError} If it is not the first step.
   */
  serverFirst(verifier: ScramVerifier): Uint8Array {
    if (this.#state.kind !== "asked") throw outOfTurn("challenge the client");
    const message = `r=${this.#nonce},s=${verifier.salt.toBase64()},i=${verifier.iterations}`;
    this.#state = { kind: "challenged", verifier, message };
    return toBytes(message);
  }

  /**
   * Checks the client's proof.
   *
   * @param clientFinal The client's final message.
   * @returns The final message to send, which proves this server to the client.
   * @throws {UnauthorizedLogin} If the client does not know the password.
   * @throws {ScramError} If the message is malformed, or belongs to another exchange.
   * @throws {TypeError} If it is not the second step.
   */
  async serverFinal(clientFinal: Uint8Array): Promise<Uint8Array> {
    if (this.#state.kind !== "challenged") throw outOfTurn("check the proof");
    const { verifier, message } = this.#state;
    this.#state = { kind: "done" };
    const { unproved, binding, nonce, proof } = parseClientFinal(clientFinal);
    const { header, bare } = this.#first;
    if (binding !== btoa(header) || nonce !== this.#nonce) {
      throw new ScramError("Cannot log in: client's final message belongs to another exchange");
    }
    const exchange = toBytes(`${bare},${message},${unproved}`);
    const clientKey = xor(proof, await hmac(verifier.storedKey, exchange));
    const signature = await hmac(verifier.serverKey, exchange);
    if (!equalSecrets(await sha256(clientKey), verifier.storedKey)) throw new UnauthorizedLogin();
    return toBytes(`v=${signature.toBase64()}`);
  }
}

function randomNonce(): string {
  return crypto.getRandomValues(new Uint8Array(NONCE_LENGTH)).toBase64();
}

function outOfTurn(what: string): TypeError {
  return new TypeError(`Cannot ${what}: this is not the next step`);
}
