/**
 * HTTP digest authentication (RFC 2617), for servers that still use it.
 *
 * @module
 */

import { type DigestName, hexDigest } from "./hashes.ts";
import { equalSecrets, toText } from "./bytes.ts";
import type { CredInterface } from "./cred_interface.ts";
import { IUsernameDigestHash, IUsernameHashedPassword } from "./credentials.ts";
import { LoginFailed } from "./errors.ts";

/** Algorithms by their names in HTTP. */
const ALGORITHMS: ReadonlyMap<string, DigestName> = new Map<string, DigestName>([
  ["md5", "MD5"],
  ["md5-sess", "MD5"],
  ["sha", "SHA-1"],
]);

/** Maximum length of a response in bytes or characters. */
const MAX_RESPONSE = 8192;

/** What a response was computed from, apart from the name and the password. */
export interface DigestedCredentialsOptions {
  /** Method of the request, such as `GET`. */
  method: string;

  /** Realm in the challenge. */
  realm: string;

  /**
   * Fields of the response by name: `response`, `uri`, `nonce`, `cnonce`, `nc`, `algorithm`, `qop`.
   */
  fields: ReadonlyMap<string, string>;
}

/**
 * Credentials from a response to an HTTP digest challenge.
 *
 * It can be checked with a password in plain text, or with the hash that `.htdigest` files hold.
 * The quality `auth-int`, and algorithms other than `md5`, `md5-sess` and `sha`, never match.
 *
 * @example The response of RFC 2617, section 3.5
 * ```ts
 * import { DigestedCredentials } from "@perspective/broker/cred";
 * import { assert } from "@std/assert";
 *
 * const credentials = new DigestedCredentials("Mufasa", {
 *   method: "GET",
 *   realm: "testrealm@host.com",
 *   fields: new Map(Object.entries({
 *     nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093",
 *     uri: "/dir/index.html",
 *     qop: "auth",
 *     nc: "00000001",
 *     cnonce: "0a4f113b",
 *     response: "6629fae49393a05397450978507c4ef1",
 *   })),
 * });
 * assert(credentials.checkPassword("Circle Of Life"));
 * assert(credentials.checkHash("939e7578ed9e3c518a452acee763bce9"));
 * ```
 */
export class DigestedCredentials implements IUsernameHashedPassword, IUsernameDigestHash {
  /** The interfaces that these credentials provide. */
  readonly provides: readonly CredInterface[] = [IUsernameHashedPassword, IUsernameDigestHash];

  /** The name that the client claims. */
  readonly username: string;

  /** Method of the request. */
  readonly method: string;

  /** Realm in the challenge. */
  readonly realm: string;

  /** Fields of the response by name. */
  readonly fields: ReadonlyMap<string, string>;

  /**
   * Creates credentials from a parsed response.
   *
   * @param username Name in the response.
   * @param options What else the response was computed from.
   */
  constructor(username: string, { method, realm, fields }: DigestedCredentialsOptions) {
    this.username = username;
    this.method = method;
    this.realm = realm;
    this.fields = fields;
  }

  /**
   * Checks the response against the right password, in constant time.
   *
   * @param password The right password; a string stands for its UTF-8 bytes.
   * @returns Whether the response was made from it.
   */
  checkPassword(password: string | Uint8Array): boolean {
    const parts = [this.username, ":", this.realm, ":", password];
    return this.#matches((algorithm) => hexDigest(algorithm, ...parts));
  }

  /**
   * Checks the response against a stored hash, in constant time.
   *
   * @param digestHash Hash of `username:realm:password` in hexadecimal.
   * @returns Whether the response was made from it.
   */
  checkHash(digestHash: string | Uint8Array): boolean {
    return this.#matches(() => digestHash);
  }

  #matches(secret: (algorithm: DigestName) => string | Uint8Array): boolean {
    const field = (name: string): string => this.fields.get(name) ?? "";
    const name = (this.fields.get("algorithm") ?? "md5").toLowerCase();
    const algorithm = ALGORITHMS.get(name);
    const qop = this.fields.get("qop") ?? "auth";
    if (algorithm === undefined || qop === "auth-int") return false;

    const [nonce, nc, cnonce] = [field("nonce"), field("nc"), field("cnonce")];
    const hash = secret(algorithm);
    const a1 = name === "md5-sess" ? hexDigest(algorithm, hash, `:${nonce}:${cnonce}`) : hash;
    const a2 = hexDigest(algorithm, `${this.method}:${field("uri")}`);
    const counted = nc !== "" && cnonce !== "" ? `${nc}:${cnonce}:${qop}:` : "";
    const expected = hexDigest(algorithm, a1, `:${nonce}:${counted}${a2}`);
    return equalSecrets(expected, field("response"));
  }
}

/** A challenge for the `WWW-Authenticate` header. */
export interface DigestChallenge {
  /** Random string that the response repeats. */
  readonly nonce: string;

  /** String that the response repeats, by which the server recognizes its own challenge. */
  readonly opaque: string;

  /** Quality of protection. */
  readonly qop: "auth";

  /** Algorithm, as passed to the factory. */
  readonly algorithm: string;

  /** The realm to log in to. */
  readonly realm: string;
}

/** Options for {@linkcode DigestCredentialFactory}. */
export interface DigestCredentialFactoryOptions {
  /** Milliseconds for which a challenge can be answered. Defaults to 15 minutes. */
  lifetime?: number;

  /** Returns the time in milliseconds. Defaults to `Date.now`. */
  clock?: () => number;
}

/** The request that a response came with. */
export interface DigestRequest {
  /** Method of the request, such as `GET`. */
  method: string;

  /** Address that the request came from, in the form that was passed to `getChallenge`. */
  host?: string;
}

/**
 * Creates digest challenges, and credentials from the responses to them.
 *
 * Nothing is kept between the two: the challenge itself, signed with the factory's secret, says
 * when and for whom it was made. A response can therefore be replayed until the challenge expires.
 *
 * @example
 * ```ts
 * import { DigestCredentialFactory, LoginFailed } from "@perspective/broker/cred";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const factory = new DigestCredentialFactory("md5", "example.com");
 * const { nonce, opaque } = factory.getChallenge("192.0.2.1");
 *
 * const response = `username="alice", nonce="${nonce}", opaque="${opaque}", response="…"`;
 * const request = { method: "GET", host: "192.0.2.1" };
 * assertEquals(factory.decode(response, request).username, "alice");
 * assertThrows(() => factory.decode(response, { method: "GET" }), LoginFailed);
 * ```
 */
export class DigestCredentialFactory {
  /** Scheme of the header. */
  readonly scheme = "digest";

  /** Algorithm in the challenges. */
  readonly algorithm: string;

  /** Realm in the challenges. */
  readonly authenticationRealm: string;

  readonly #secret = crypto.getRandomValues(new Uint8Array(32));
  readonly #lifetime: number;
  readonly #clock: () => number;

  /**
   * Creates a factory with a secret of its own.
   *
   * @param algorithm `md5` or `sha`, in any case.
   * @param authenticationRealm The realm in the challenges.
   * @param options How long challenges can be answered.
   * @throws {RangeError} If that time is not positive.
   */
  constructor(
    algorithm: string,
    authenticationRealm: string,
    { lifetime = 15 * 60 * 1000, clock = Date.now }: DigestCredentialFactoryOptions = {},
  ) {
    if (!(lifetime > 0)) throw new RangeError(`Cannot use lifetime "${lifetime}": not positive`);
    this.algorithm = algorithm;
    this.authenticationRealm = authenticationRealm;
    this.#lifetime = lifetime;
    this.#clock = clock;
  }

  /**
   * Creates a challenge.
   *
   * @param host Address of the client, if only it may answer.
   * @returns The fields of the header.
   */
  getChallenge(host = ""): DigestChallenge {
    const nonce = crypto.getRandomValues(new Uint8Array(12)).toHex();
    const key = `${nonce},${host},${Math.trunc(this.#clock())}`;
    return {
      nonce,
      opaque: `${this.#sign(key)}-${btoa(key)}`,
      qop: "auth",
      algorithm: this.algorithm,
      realm: this.authenticationRealm,
    };
  }

  /**
   * Reads a response, and checks that it answers a challenge of this factory.
   *
   * @param response What follows `Digest` in the `Authorization` header, as `Headers` returns it
   * (one character per byte) or in bytes.
   * @param request The request that it came with.
   * @returns Credentials that a checker can check.
   * @throws {LoginFailed} If the response is too long or not UTF-8, lacks a name, nonce or opaque,
   * or answers no challenge that this factory made for the host and that can still be answered.
   */
  decode(response: string | Uint8Array, { method, host = "" }: DigestRequest): DigestedCredentials {
    const fields = parsed(response);
    const username = fields.get("username");
    if (!username) throw new LoginFailed("Invalid response, no username given.");
    const opaque = fields.get("opaque");
    if (opaque === undefined) throw new LoginFailed("Invalid response, no opaque given.");
    const nonce = fields.get("nonce");
    if (nonce === undefined) throw new LoginFailed("Invalid response, no nonce given.");
    this.#verify(opaque, { nonce, host });
    return new DigestedCredentials(username, { method, realm: this.authenticationRealm, fields });
  }

  #sign(key: string): string {
    return hexDigest("SHA-256", key, this.#secret);
  }

  #verify(opaque: string, expected: { nonce: string; host: string }): void {
    const [digest = "", encoded = "", ...more] = opaque.split("-");
    const key = fromBase64(encoded);
    const [nonce, host, made = "", ...rest] = key?.split(",") ?? [];
    if (more.length > 0 || key === undefined || made === "" || rest.length > 0) {
      throw new LoginFailed("Invalid response, invalid opaque value");
    }
    if (nonce !== expected.nonce) {
      throw new LoginFailed("Invalid response, incompatible opaque/nonce values");
    }
    if (host !== expected.host) {
      throw new LoginFailed("Invalid response, incompatible opaque/client values");
    }
    if (!/^-?\d+$/.test(made)) {
      throw new LoginFailed("Invalid response, invalid opaque/time values");
    }
    if (this.#clock() - Number(made) > this.#lifetime) {
      throw new LoginFailed("Invalid response, incompatible opaque/nonce too old");
    }
    if (!equalSecrets(this.#sign(key), digest)) {
      throw new LoginFailed("Invalid response, invalid opaque value");
    }
  }
}

function parsed(response: string | Uint8Array): Map<string, string> {
  if (response.length > MAX_RESPONSE) throw new LoginFailed("Invalid response, too long.");
  const text = typeof response === "string" ? headerText(response) : toText(response);
  if (text === undefined) throw new LoginFailed("Invalid response, not UTF-8.");
  const line = text.replace(/(?:\r\n|\r|\n)$/, "").replace(/\r\n|\r|\n/g, " ");
  return fieldsOf(line);
}

/**
 * Finds names, equals signs, and values that are quoted or end at a comma. It finds what Twisted's
 * regular expression `([^= ]+)=(?:"([^"]*)"|([^,]+)),?` does, which takes time quadratic in the
 * length of a line without any of these.
 */
function fieldsOf(line: string): Map<string, string> {
  const fields = new Map<string, string>();
  let from = 0;
  for (let equals = line.indexOf("="); equals !== -1; equals = line.indexOf("=", equals + 1)) {
    let start = equals;
    while (start > from && line[start - 1] !== " " && line[start - 1] !== "=") start--;
    if (start === equals) continue;
    const value = valueAt(line, equals + 1);
    if (value === undefined) continue;
    fields.set(stripped(line.slice(start, equals)), stripped(value.text));
    from = line[value.end] === "," ? value.end + 1 : value.end;
    // No part of a value belongs to the name of the next field.
    equals = from - 1;
  }
  return fields;
}

function valueAt(line: string, start: number): { text: string; end: number } | undefined {
  if (line[start] === '"') {
    const end = line.indexOf('"', start + 1);
    if (end !== -1) return { text: line.slice(start + 1, end), end: end + 1 };
  }
  const comma = line.indexOf(",", start);
  const end = comma === -1 ? line.length : comma;
  return end === start ? undefined : { text: line.slice(start, end), end };
}

/** Undoes what `Headers` does to UTF-8; a string that does not come from there stays as it is. */
function headerText(text: string): string {
  if (/[^\0-\xff]/.test(text)) return text;
  return toText(Uint8Array.from(text, (character) => character.charCodeAt(0))) ?? text;
}

/**
 * Removes white space at both ends; `/[\t-\r ]+$/` would take time quadratic in the length of the
 * white space in between.
 */
function stripped(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isSpace(text.charCodeAt(start))) start++;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isSpace(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d);
}

function fromBase64(text: string): string | undefined {
  try {
    return atob(text);
  } catch {
    return undefined;
  }
}
