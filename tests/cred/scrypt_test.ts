import { assert, assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import {
  decoyScrypt,
  hashScrypt,
  isCheaper,
  scryptParameters,
  verifyScrypt,
} from "../../cred/_scrypt.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const CHEAP = scryptParameters({ cost: 16, blockSize: 1, parallelization: 1 });

/** The test vectors of RFC 7914, section 12: the first 32 bytes of each key. */
const RFC = [
  {
    password: "password",
    salt: "NaCl",
    parameters: "ln=10,r=8,p=16",
    key: "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162",
  },
  {
    password: "pleaseletmein",
    salt: "SodiumChloride",
    parameters: "ln=14,r=8,p=1",
    key: "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2",
  },
];
for (const { password, salt, parameters, key } of RFC) {
  Deno.test(`verifyScrypt() agrees with RFC 7914 for ${parameters}`, async () => {
    const [encodedSalt, encodedKey] = [encode(salt), Uint8Array.fromHex(key)]
      .map((bytes) => bytes.toBase64({ omitPadding: true }));
    const stored = `$scrypt$${parameters}$${encodedSalt}$${encodedKey}`;
    assert(await verifyScrypt(encode(password), stored));
    assert(!await verifyScrypt(encode(`${password}x`), stored));
  });
}

Deno.test("verifyScrypt() agrees with passlib's example of the format", async () => {
  const stored = "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$" +
    "nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E";
  assert(await verifyScrypt(encode("password"), stored));
});

Deno.test("hashScrypt() uses a new salt each time", async () => {
  const one = await hashScrypt(encode("secret"), CHEAP);
  const two = await hashScrypt(encode("secret"), CHEAP);
  assertNotEquals(one, two);
  assert(one.startsWith("$scrypt$ln=4,r=1,p=1$"));
  assert(await verifyScrypt(encode("secret"), one));
  assert(!await verifyScrypt(encode("Secret"), one));
});

Deno.test("decoyScrypt() looks like a hash, and matches no password", async () => {
  const decoy = decoyScrypt(CHEAP);
  const real = await hashScrypt(encode(""), CHEAP);
  assertEquals(decoy.length, real.length);
  assert(!await verifyScrypt(encode(""), decoy));
});

Deno.test("isCheaper() compares every parameter", () => {
  const stored = decoyScrypt(scryptParameters({ cost: 64, blockSize: 4, parallelization: 2 }));
  const than = (cost: number, blockSize: number, parallelization: number) =>
    isCheaper(stored, { cost, blockSize, parallelization });
  assertEquals(than(64, 4, 2), false);
  assertEquals(than(32, 2, 1), false);
  assertEquals([than(128, 4, 2), than(64, 8, 2), than(64, 4, 3)], [true, true, true]);
});

Deno.test("scryptParameters() has defaults, and refuses parameters that scrypt would refuse", () => {
  assertEquals(scryptParameters(), { cost: 32768, blockSize: 8, parallelization: 3 });
  for (const cost of [0, 1, 3, -2, 0.5, NaN, Infinity]) {
    assertThrows(() => scryptParameters({ cost }), RangeError);
  }
  for (const number of [0, -1, 1.5, NaN, Infinity]) {
    assertThrows(() => scryptParameters({ blockSize: number }), RangeError);
    assertThrows(() => scryptParameters({ parallelization: number }), RangeError);
  }
});

Deno.test("verifyScrypt() refuses malformed stored passwords", async () => {
  for (const stored of ["", "$scrypt$", "$argon2id$v=19$m=1,t=1,p=1$YQ$YQ"]) {
    await assertRejects(async () => await verifyScrypt(encode("x"), stored), SyntaxError);
  }
});
