import { assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import {
  decoyScramVerifier,
  DEFAULT_SCRAM_ITERATIONS,
  formatScramVerifier,
  makeScramVerifier,
  parseScramVerifier,
} from "../../cred/mod.ts";

const KEY = new Uint8Array(32).fill(7);

/** The verifier of RFC 7677's example, as PostgreSQL stores it. */
const STORED = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$" +
  "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

Deno.test("makeScramVerifier() makes the verifier of RFC 7677's example", async () => {
  const salt = Uint8Array.fromBase64("W22ZaJ0SNY7soEsUEjb6gQ==");
  const verifier = await makeScramVerifier("pencil", { salt, iterations: 4096 });
  assertEquals(formatScramVerifier(verifier), STORED);
  assertEquals(parseScramVerifier(STORED), verifier);
});

Deno.test("makeScramVerifier() uses a new salt each time, and a high cost by default", async () => {
  const one = await makeScramVerifier("pencil");
  const two = await makeScramVerifier("pencil");
  assertEquals([one.salt.length, one.iterations], [16, DEFAULT_SCRAM_ITERATIONS]);
  assertNotEquals(one.salt, two.salt);
  assertNotEquals(one.storedKey, two.storedKey);
});

Deno.test("makeScramVerifier() refuses too low a cost, and control characters", async () => {
  for (const iterations of [0, -4096, 4095, 4096.5, NaN, Infinity]) {
    await assertRejects(() => makeScramVerifier("pencil", { iterations }), RangeError);
  }
  await assertRejects(() => makeScramVerifier("pen\ncil"), RangeError, "SASLprep refuses it");
});

Deno.test("decoyScramVerifier() depends only on key and name, and looks like a real verifier", async () => {
  const decoy = await decoyScramVerifier("nobody", { key: KEY });
  assertEquals(await decoyScramVerifier("nobody", { key: KEY }), decoy);
  assertEquals(decoy.salt.length, 16);
  assertEquals([decoy.storedKey.length, decoy.serverKey.length], [32, 32]);
  assertEquals(decoy.iterations, DEFAULT_SCRAM_ITERATIONS);
  assertNotEquals(decoy.storedKey, decoy.serverKey);

  const others = [
    await decoyScramVerifier("somebody", { key: KEY }),
    await decoyScramVerifier("nobody", { key: new Uint8Array(32) }),
  ];
  for (const other of others) assertNotEquals(other.salt, decoy.salt);
  assertEquals((await decoyScramVerifier("x", { key: KEY, iterations: 4096 })).iterations, 4096);
});

Deno.test("decoyScramVerifier() refuses a key that could be guessed", async () => {
  await assertRejects(() => decoyScramVerifier("x", { key: new Uint8Array(15) }), RangeError);
});

const LINES = [
  "",
  "md5d41d8cd98f00b204e9800998ecf8427e",
  STORED.replace("256", "1"),
  STORED.replace("4096", "0"),
  STORED.replace("4096", "x"),
  STORED.replace("4096", "99999999999"),
  STORED.replace("W22ZaJ0SNY7soEsUEjb6gQ==", ""),
  STORED.replace("W22ZaJ0SNY7soEsUEjb6gQ==", "%"),
  STORED.slice(0, -4),
  STORED.slice(0, -1),
  `${STORED}x`,
  ` ${STORED}`,
  `${STORED}\n`,
];
for (const line of LINES) {
  Deno.test(`parseScramVerifier() refuses ${JSON.stringify(line)}`, () => {
    assertThrows(() => parseScramVerifier(line), SyntaxError);
  });
}
