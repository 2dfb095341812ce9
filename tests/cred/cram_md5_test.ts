import { assert, assertEquals, assertMatch, assertNotEquals, assertThrows } from "@std/assert";
import {
  CramMD5Credentials,
  InMemoryUsernamePasswordDatabaseDontUse,
  IUsernameHashedPassword,
  LoginFailed,
  providedBy,
} from "../../cred/mod.ts";
import { hexHmac } from "../../cred/hashes.ts";
import vectors from "../vectors/cred.json" with { type: "json" };

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Credentials with a recorded challenge. */
class Recorded extends CramMD5Credentials {
  readonly #challenge: string;
  constructor(challenge: string) {
    super();
    this.#challenge = challenge;
  }
  override getChallenge(): string {
    return this.#challenge;
  }
}

for (const { challenge, secret, response } of vectors.cram) {
  Deno.test(`CramMD5Credentials.checkPassword() accepts a secret of ${secret.length / 2} bytes as Twisted does`, () => {
    const credentials = new Recorded(challenge);
    credentials.setResponse(response);
    assertEquals(credentials.username, "alice");
    assert(credentials.checkPassword(Uint8Array.fromHex(secret)));
    assert(!credentials.checkPassword("x"));
  });
}

Deno.test("CramMD5Credentials.checkPassword() accepts the example of RFC 2195", () => {
  const credentials = new Recorded("<1896.697170952@postoffice.reston.mci.net>");
  credentials.setResponse(encode("tim b913a602c7eda7a495b4e6e7334d3890"));
  assertEquals(credentials.username, "tim");
  assert(credentials.checkPassword("tanstaaftanstaaf"));
});

Deno.test("CramMD5Credentials.getChallenge() returns one challenge for each login", () => {
  const credentials = new CramMD5Credentials("mail.example");
  const challenge = credentials.getChallenge();
  assertEquals(credentials.getChallenge(), challenge);
  assertMatch(challenge, /^<\d+\.\d+@mail\.example>$/);
  assertNotEquals(new CramMD5Credentials("mail.example").getChallenge(), challenge);
  assertEquals(credentials.moreChallenges(), false);
});

Deno.test("CramMD5Credentials.checkPassword() refuses every password before a response is set", () => {
  const credentials = new CramMD5Credentials();
  assert(providedBy(IUsernameHashedPassword, credentials));
  assertEquals(credentials.username, "");
  for (const password of ["secret", ""]) {
    assert(!credentials.checkPassword(password));
    credentials.getChallenge();
  }
});

Deno.test("CramMD5Credentials.setResponse() reads white space as Twisted does", () => {
  const credentials = new CramMD5Credentials();
  const code = hexHmac("MD5", "secret", encode(credentials.getChallenge()));
  const CASES = [
    { response: `alice ${code}`, username: "alice", matches: true },
    { response: ` \t\r\nalice\v\f${code}`, username: "alice", matches: true },
    { response: `a\u00a0b ${code}`, username: "a\u00a0b", matches: true },
    { response: `älice ${code}`, username: "älice", matches: true },
    { response: `alice ${code} `, username: "alice", matches: false },
    { response: `alice x ${code}`, username: "alice", matches: false },
    { response: `alice ${code.toUpperCase()}`, username: "alice", matches: false },
  ];
  for (const { response, username, matches } of CASES) {
    for (const form of [response, encode(response)]) {
      credentials.setResponse(form);
      assertEquals(credentials.username, username);
      assertEquals(credentials.checkPassword("secret"), matches, response);
    }
  }
});

for (const response of ["", " ", "alice", "alice ", " alice\n", Uint8Array.of(0xff, 0x20, 0x61)]) {
  Deno.test(`CramMD5Credentials.setResponse() refuses ${Deno.inspect(response)}`, () => {
    assertThrows(() => new CramMD5Credentials().setResponse(response), LoginFailed);
  });
}

Deno.test("CramMD5Credentials work with a checker", async () => {
  const checker = new InMemoryUsernamePasswordDatabaseDontUse({ alice: "secret" });
  const credentials = new CramMD5Credentials();
  const code = hexHmac("MD5", "secret", encode(credentials.getChallenge()));
  credentials.setResponse(`alice ${code}`);
  assertEquals(await checker.requestAvatarId(credentials), "alice");
});
