import { assertEquals, assertRejects } from "@std/assert";
import { generateKeyPair, jwtVerify, SignJWT } from "npm:jose@^6.0.0";
import { BearerToken, BearerTokenChecker, UnauthorizedLogin } from "../../cred/mod.ts";

const ISSUER = "https://login.example";
const AUDIENCE = "pb://app.example";

const { publicKey, privateKey } = await generateKeyPair("EdDSA");
const strangers = await generateKeyPair("EdDSA");

/** The checker that docs/login.md shows. */
const checker = new BearerTokenChecker(async (token) => {
  const { payload } = await jwtVerify(token, publicKey, {
    algorithms: ["EdDSA"],
    issuer: ISSUER,
    audience: AUDIENCE,
    requiredClaims: ["exp", "sub"],
  });
  return payload.sub;
});

/** Makes a valid token, except for what the arguments change. */
async function token(
  { key = privateKey, issuer = ISSUER, audience = AUDIENCE, expires = "1m" } = {},
) {
  return await new SignJWT().setProtectedHeader({ alg: "EdDSA" }).setSubject("alice")
    .setIssuer(issuer).setAudience(audience).setExpirationTime(expires).sign(key);
}

const login = (token: string) => checker.requestAvatarId(new BearerToken(token));

Deno.test("BearerTokenChecker logs in the subject of a JSON Web Token", async () => {
  assertEquals(await login(await token()), "alice");
});

const [, payload, signature] = (await token()).split(".");
const unsigned = btoa('{"alg":"none"}').replaceAll("=", "");
const REFUSED = {
  "is expired": await token({ expires: "-1s" }),
  "is for somebody else": await token({ audience: "pb://other.example" }),
  "is from somebody else": await token({ issuer: "https://evil.example" }),
  "is signed by somebody else": await token({ key: strangers.privateKey }),
  "is not signed": `${unsigned}.${payload}.`,
  "claims to need no signature": `${unsigned}.${payload}.${signature}`,
  "is cut short": (await token()).slice(0, -4),
  "is none": "token",
};
for (const [fault, token] of Object.entries(REFUSED)) {
  Deno.test(`BearerTokenChecker refuses a JSON Web Token that ${fault}`, async () => {
    const error = await assertRejects(() => login(token), UnauthorizedLogin);
    assertEquals(error.message, new UnauthorizedLogin().message);
    assertEquals(error.cause instanceof Error, true);
  });
}

Deno.test("BearerTokenChecker refuses a JSON Web Token without subject or expiry", async () => {
  const bare = () =>
    new SignJWT().setProtectedHeader({ alg: "EdDSA" }).setIssuer(ISSUER).setAudience(AUDIENCE);
  const endless = await bare().setSubject("alice").sign(privateKey);
  const nameless = await bare().setExpirationTime("1m").sign(privateKey);
  for (const token of [endless, nameless]) {
    await assertRejects(() => login(token), UnauthorizedLogin);
  }
});
