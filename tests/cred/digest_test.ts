import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import {
  DigestCredentialFactory,
  DigestedCredentials,
  IUsernameDigestHash,
  IUsernameHashedPassword,
  LoginFailed,
  providedBy,
} from "../../cred/mod.ts";
import vectors from "../vectors/cred.json" with { type: "json" };

/** The request that the recorder made responses for. */
const REQUEST = { method: "GET", realm: "test realm" };

for (const { fields, hash } of vectors.digests.responses) {
  const { algorithm = "none", nc = "none", cnonce = "none" } = fields;
  const name = `algorithm ${algorithm}, nc ${nc}, cnonce ${cnonce}`;

  Deno.test(`DigestedCredentials accept a response that Twisted accepts: ${name}`, () => {
    const given = new Map<string, string>(Object.entries(fields));
    const credentials = new DigestedCredentials("fooßar", { ...REQUEST, fields: given });
    assert(credentials.checkPassword("bazquüx"));
    assert(credentials.checkPassword(new TextEncoder().encode("bazquüx")));
    assert(credentials.checkHash(hash));
    assert(credentials.checkHash(new TextEncoder().encode(hash)));
  });

  Deno.test(`DigestedCredentials refuse a response if any field differs: ${name}`, () => {
    const given = new Map<string, string>(Object.entries(fields));
    const credentials = new DigestedCredentials("fooßar", { ...REQUEST, fields: given });
    assert(!credentials.checkPassword("bazquuxwrong"));
    assert(!credentials.checkHash(hash.replace(/.$/, "x")));
    const right = { ...REQUEST, fields: given };
    assert(!new DigestedCredentials("other", right).checkPassword("bazquüx"));
    const others = [
      { ...right, method: "POST" },
      { ...right, realm: "other" },
      { ...right, fields: new Map([...given, ["uri", "/other"]]) },
      { ...right, fields: new Map([...given, ["nonce", "1"]]) },
      { ...right, fields: new Map([...given, ["response", ""]]) },
      { ...right, fields: new Map([...given, ["qop", "auth-int"]]) },
      { ...right, fields: new Map([...given, ["algorithm", "crc"]]) },
      { ...right, fields: new Map() },
    ];
    for (const other of others) {
      assert(!new DigestedCredentials("fooßar", other).checkPassword("bazquüx"));
    }
  });
}

Deno.test("DigestedCredentials provide both interfaces", () => {
  const credentials = new DigestedCredentials("alice", { ...REQUEST, fields: new Map() });
  assert(providedBy(IUsernameHashedPassword, credentials));
  assert(providedBy(IUsernameDigestHash, credentials));
});

/** Decodes a header with a new factory, whose own challenge replaces the placeholders `o` and `n`. */
function decode(header: string | Uint8Array): DigestedCredentials {
  const factory = new DigestCredentialFactory("md5", "realm");
  const { nonce, opaque } = factory.getChallenge();
  const replace = (text: string) =>
    text.replace(/(opaque=\s*"?)o/, `$1${opaque}`).replace(/(nonce="?)n/, `$1${nonce}`);
  return factory.decode(typeof header === "string" ? replace(header) : header, { method: "GET" });
}

for (const { header, fields, error } of vectors.digests.headers) {
  if (fields?.opaque !== undefined && fields.opaque !== "o") {
    Deno.test(`DigestCredentialFactory.decode() refuses an opaque that it did not make: ${header}`, () => {
      assertThrows(() => decode(header), LoginFailed, "invalid opaque value");
    });
    continue;
  }
  Deno.test(`DigestCredentialFactory.decode() treats ${JSON.stringify(header)} as Twisted does`, () => {
    if (error !== undefined) {
      assertThrows(() => decode(header), LoginFailed, error);
      return;
    }
    const credentials = decode(header);
    const found = Object.fromEntries(credentials.fields);
    assertEquals<unknown>({ ...found, opaque: "o", nonce: "n" }, fields);
    assertEquals(credentials.username, fields?.username);
    assertEquals([credentials.method, credentials.realm], ["GET", "realm"]);
  });
}

Deno.test("DigestCredentialFactory.decode() reads UTF-8 from bytes, and from text as Headers gives it", () => {
  const factory = new DigestCredentialFactory("md5", "realm");
  const { nonce, opaque } = factory.getChallenge();
  const text = `username="älice", opaque="${opaque}", nonce="${nonce}"`;
  const bytes = new TextEncoder().encode(text);
  const header = String.fromCharCode(...bytes);
  for (const form of [bytes, header]) {
    assertEquals(factory.decode(form, { method: "GET" }).username, "älice");
  }
  assertThrows(() => factory.decode(Uint8Array.of(0xff), { method: "GET" }), LoginFailed);
});

Deno.test("DigestCredentialFactory.decode() refuses a response that is too long", () => {
  const factory = new DigestCredentialFactory("md5", "realm");
  const long = "a".repeat(8193);
  assertThrows(() => factory.decode(long, { method: "GET" }), LoginFailed, "too long");
});

Deno.test("DigestCredentialFactory.decode() strips white space around values, but keeps it within them", () => {
  const space = "\t\v\f ".repeat(500);
  const header = `username="${space}a${space}b${space}",opaque=o,nonce=n`;
  assertEquals(decode(header).username, `a${space}b`);
});

Deno.test("DigestCredentialFactory.getChallenge() returns the fields for a header", () => {
  const factory = new DigestCredentialFactory("MD5", "test realm");
  const challenge = factory.getChallenge("192.0.2.1");
  assertEquals(factory.scheme, "digest");
  assertEquals([challenge.algorithm, challenge.realm, challenge.qop], [
    "MD5",
    "test realm",
    "auth",
  ]);
  assertMatch(challenge.nonce, /^[0-9a-f]{24}$/);
  assertMatch(challenge.opaque, /^[0-9a-f]+-[A-Za-z0-9+/=]+$/);
});

Deno.test("DigestCredentialFactory.decode() accepts several responses to one challenge", () => {
  const factory = new DigestCredentialFactory("md5", "realm");
  const { nonce, opaque } = factory.getChallenge();
  for (const nc of ["00000001", "00000002"]) {
    const response = `username="alice", opaque="${opaque}", nonce="${nonce}", nc=${nc}`;
    assertEquals(factory.decode(response, { method: "GET" }).fields.get("nc"), nc);
  }
});

Deno.test("DigestCredentialFactory.decode() refuses challenges that it did not make", () => {
  let now = 0;
  const clock = () => now;
  const factory = new DigestCredentialFactory("md5", "realm", { clock, lifetime: 1000 });
  const { nonce, opaque } = factory.getChallenge("10.2.3.4");
  const other = factory.getChallenge("10.2.3.4");
  const foreign = new DigestCredentialFactory("md5", "realm", { clock }).getChallenge("10.2.3.4");
  const [sign = "", key = ""] = opaque.split("-");
  const forged = (key: string) => `${sign}-${btoa(key)}`;
  const attempt = (opaque: string, { nonce: given = nonce, host = "10.2.3.4" } = {}) =>
    factory.decode(`username="a", nonce="${given}", opaque="${opaque}"`, { method: "GET", host });

  assertEquals(attempt(opaque).username, "a");
  const CASES = [
    { run: () => attempt("badOpaque"), message: "invalid opaque value" },
    { run: () => attempt(""), message: "invalid opaque value" },
    { run: () => attempt(`${opaque}-x`), message: "invalid opaque value" },
    { run: () => attempt(`${sign}-%`), message: "invalid opaque value" },
    { run: () => attempt(forged("nonce,clientip")), message: "invalid opaque value" },
    { run: () => attempt(forged(`${nonce},10.2.3.4,0,0`)), message: "invalid opaque value" },
    { run: () => attempt(forged(`${nonce},10.2.3.4,x`)), message: "invalid opaque/time values" },
    { run: () => attempt(`x${sign}-${key}`), message: "invalid opaque value" },
    { run: () => attempt(other.opaque), message: "incompatible opaque/nonce values" },
    { run: () => attempt(opaque, { nonce: "" }), message: "incompatible opaque/nonce values" },
    { run: () => attempt(opaque, { host: "10.0.0.1" }), message: "opaque/client values" },
    { run: () => attempt(opaque, { host: "" }), message: "opaque/client values" },
    { run: () => attempt(foreign.opaque, foreign), message: "invalid opaque value" },
  ];
  for (const { run, message } of CASES) assertThrows(run, LoginFailed, message);

  now = 1000;
  assertEquals(attempt(opaque).username, "a");
  now = 1001;
  assertThrows(() => attempt(opaque), LoginFailed, "too old");
});

Deno.test("DigestCredentialFactory refuses a lifetime that never ends by mistake", () => {
  for (const lifetime of [NaN, 0]) {
    assertThrows(
      () => new DigestCredentialFactory("md5", "realm", { lifetime }),
      RangeError,
      "lifetime",
    );
  }
});
