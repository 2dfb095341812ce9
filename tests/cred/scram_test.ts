import { assert, assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import {
  LoginFailed,
  makeScramVerifier,
  ScramClient,
  ScramError,
  ScramServer,
  type ScramVerifier,
  UnauthorizedLogin,
} from "../../cred/mod.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** The exchange of RFC 7677, section 3. */
const RFC = {
  clientNonce: "rOprNGfwEbeRWgbNEkqO",
  serverNonce: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
  salt: Uint8Array.fromBase64("W22ZaJ0SNY7soEsUEjb6gQ=="),
  clientFirst: "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
  serverFirst:
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
  clientFinal: "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0," +
    "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
  serverFinal: "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
};

const VERIFIER: ScramVerifier = await makeScramVerifier("pencil", {
  salt: RFC.salt,
  iterations: 4096,
});

const rfcClient = () => new ScramClient("user", "pencil", { nonce: RFC.clientNonce });
const rfcServer = (clientFirst = RFC.clientFirst) =>
  new ScramServer(encode(clientFirst), { nonce: RFC.serverNonce });

Deno.test("ScramClient sends the messages of RFC 7677's example", async () => {
  const client = rfcClient();
  assertEquals(decode(client.clientFirst()), RFC.clientFirst);
  assertEquals(decode(await client.clientFinal(encode(RFC.serverFirst))), RFC.clientFinal);
  client.verify(encode(RFC.serverFinal));
});

Deno.test("ScramServer sends the messages of RFC 7677's example", async () => {
  const server = rfcServer();
  assertEquals(server.username, "user");
  assertEquals(decode(server.serverFirst(VERIFIER)), RFC.serverFirst);
  assertEquals(decode(await server.serverFinal(encode(RFC.clientFinal))), RFC.serverFinal);
});

/** Runs a whole exchange between two sides. */
async function exchange(client: ScramClient, verifier: ScramVerifier): Promise<string> {
  const server = new ScramServer(client.clientFirst());
  const clientFinal = await client.clientFinal(server.serverFirst(verifier));
  client.verify(await server.serverFinal(clientFinal));
  return server.username;
}

const NAMES = [
  { name: "user", prepared: "user" },
  { name: "a,b=c,=2C=3D", prepared: "a,b=c,=2C=3D" },
  { name: "älice", prepared: "älice" },
  { name: "a\u0308lice", prepared: "älice" },
  { name: "I\u00adX", prepared: "IX" },
  { name: "\u2168", prepared: "IX" },
  { name: " spaced\u00a0name ", prepared: " spaced name " },
];
for (const { name, prepared } of NAMES) {
  Deno.test(`ScramServer receives the name ${Deno.inspect(name)} from ScramClient`, async () => {
    assertEquals(await exchange(new ScramClient(name, "pencil"), VERIFIER), prepared);
  });
}

const PASSWORDS = [
  { given: "pencil", right: "pencil", same: true },
  { given: encode("pencil"), right: "pencil", same: true },
  { given: "caf\u00e9", right: "cafe\u0301", same: true },
  { given: encode("cafe\u0301"), right: "caf\u00e9", same: true },
  { given: "\ufb01re\u00a0ant", right: "fire ant", same: true },
  { given: "", right: "", same: true },
  { given: Uint8Array.of(0xff, 0), right: Uint8Array.of(0xff, 0), same: true },
  { given: "Pencil", right: "pencil", same: false },
  { given: "", right: "pencil", same: false },
  { given: "pencil", right: "", same: false },
];
for (const { given, right, same } of PASSWORDS) {
  const name = `${Deno.inspect(given)} where ${Deno.inspect(right)} is right`;
  Deno.test(`ScramServer ${same ? "accepts" : "refuses"} ${name}`, async () => {
    const verifier = await makeScramVerifier(right, { iterations: 4096 });
    const run = () => exchange(new ScramClient("user", given), verifier);
    if (same) assertEquals(await run(), "user");
    else await assertRejects(run, UnauthorizedLogin);
  });
}

Deno.test("ScramClient and ScramServer use new nonces for each login", () => {
  const first = (client: ScramClient) => decode(client.clientFirst());
  assertNotEquals(first(new ScramClient("a", "b")), first(new ScramClient("a", "b")));
  const server = () => decode(new ScramServer(encode(RFC.clientFirst)).serverFirst(VERIFIER));
  assertNotEquals(server(), server());
});

const CLIENT_FIRSTS = [
  { name: "nothing", text: "" },
  { name: "channel binding", text: "p=tls-unique,,n=user,r=abc" },
  { name: "another identity", text: "n,a=admin,n=user,r=abc" },
  { name: "a mandatory extension", text: "n,,m=x,n=user,r=abc" },
  { name: "no header", text: "n=user,r=abc" },
  { name: "an unknown flag", text: "x,,n=user,r=abc" },
  { name: "no name", text: "n,,r=abc" },
  { name: "an empty name", text: "n,,n=,r=abc" },
  { name: "a name that SASLprep empties", text: "n,,n=\u00ad,r=abc" },
  { name: "a control character in the name", text: "n,,n=us\u0007er,r=abc" },
  { name: "a zero byte in the name", text: "n,,n=us\0er,r=abc" },
  { name: "a bare equals sign in the name", text: "n,,n=us=er,r=abc" },
  { name: "an escape in lower case", text: "n,,n=us=2cer,r=abc" },
  { name: "no nonce", text: "n,,n=user" },
  { name: "an empty nonce", text: "n,,n=user,r=" },
  { name: "a space in the nonce", text: "n,,n=user,r=a b" },
  { name: "a nonce that is not ASCII", text: "n,,n=user,r=é" },
  { name: "the wrong order", text: "n,,r=abc,n=user" },
  { name: "too long a message", text: `n,,n=${"u".repeat(4096)},r=abc` },
];
for (const { name, text } of CLIENT_FIRSTS) {
  Deno.test(`ScramServer refuses a first message with ${name}`, () => {
    assertThrows(() => new ScramServer(encode(text)), ScramError);
  });
}

Deno.test("ScramServer refuses a first message that is not UTF-8", () => {
  const message = Uint8Array.from([...encode("n,,n="), 0xff, ...encode(",r=abc")]);
  assertThrows(() => new ScramServer(message), ScramError);
});

Deno.test("ScramServer accepts a client that supports channel binding, and unknown extensions", async () => {
  const server = rfcServer("y,,n=user,r=abc,x=extension");
  const serverFirst = decode(server.serverFirst(VERIFIER));
  assert(serverFirst.startsWith("r=abc%"));
  // The client must repeat its own binding flag: "eSws", not "biws".
  const nonce = `abc${RFC.serverNonce}`;
  const proof = "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
  const right = rfcServer("y,,n=user,r=abc");
  right.serverFirst(VERIFIER);
  const wrongProof = right.serverFinal(encode(`c=eSws,r=${nonce},${proof}`));
  await assertRejects(() => wrongProof, UnauthorizedLogin);
  const wrongHeader = server.serverFinal(encode(`c=biws,r=${nonce},${proof}`));
  await assertRejects(() => wrongHeader, ScramError, "another exchange");
});

const [BINDING, NONCE, PROOF] = RFC.clientFinal.split(",") as [string, string, string];
const CLIENT_FINALS = [
  { name: "nothing", text: "" },
  { name: "no proof", text: `${BINDING},${NONCE}` },
  { name: "an empty proof", text: `${BINDING},${NONCE},p=` },
  { name: "a proof that is not base64", text: `${BINDING},${NONCE},p=%` },
  { name: "a proof without its padding", text: RFC.clientFinal.slice(0, -1) },
  { name: "a short proof", text: `${BINDING},${NONCE},p=dHzb` },
  { name: "an extension after the proof", text: `${RFC.clientFinal},x=y` },
  { name: "no binding", text: `${NONCE},${PROOF}` },
  { name: "another binding", text: `c=eSws,${NONCE},${PROOF}` },
  { name: "another nonce", text: `${BINDING},${NONCE}x,${PROOF}` },
  { name: "the client's nonce only", text: `${BINDING},r=${RFC.clientNonce},${PROOF}` },
  { name: "the wrong order", text: `${NONCE},${BINDING},${PROOF}` },
];
for (const { name, text } of CLIENT_FINALS) {
  Deno.test(`ScramServer refuses a final message with ${name}, and any other after it`, async () => {
    const server = rfcServer();
    server.serverFirst(VERIFIER);
    await assertRejects(() => server.serverFinal(encode(text)), ScramError);
    await assertRejects(() => server.serverFinal(encode(RFC.clientFinal)), TypeError);
  });
}

Deno.test("ScramServer requires the proof to cover extensions of the final message", async () => {
  const server = rfcServer();
  server.serverFirst(VERIFIER);
  const extended = encode(`${BINDING},${NONCE},x=y,${PROOF}`);
  await assertRejects(() => server.serverFinal(extended), UnauthorizedLogin);
});

Deno.test("ScramServer accepts only one proof, whether right or wrong", async () => {
  const right = rfcServer();
  right.serverFirst(VERIFIER);
  await right.serverFinal(encode(RFC.clientFinal));
  await assertRejects(() => right.serverFinal(encode(RFC.clientFinal)), TypeError);

  const wrong = rfcServer();
  wrong.serverFirst({ ...VERIFIER, storedKey: new Uint8Array(32) });
  await assertRejects(() => wrong.serverFinal(encode(RFC.clientFinal)), UnauthorizedLogin);
  await assertRejects(() => wrong.serverFinal(encode(RFC.clientFinal)), TypeError);
});

const SERVER_FIRSTS = [
  { name: "nothing", text: "" },
  { name: "an error", text: "e=other-error" },
  { name: "a mandatory extension", text: `m=x,${RFC.serverFirst}` },
  { name: "a nonce of another client", text: "r=other,s=c2FsdA==,i=4096" },
  { name: "a nonce without a server part", text: `r=${RFC.clientNonce},s=c2FsdA==,i=4096` },
  { name: "no salt", text: `r=${RFC.clientNonce}x,i=4096` },
  { name: "an empty salt", text: `r=${RFC.clientNonce}x,s=,i=4096` },
  { name: "a salt that is not base64", text: `r=${RFC.clientNonce}x,s=%,i=4096` },
  { name: "no iterations", text: `r=${RFC.clientNonce}x,s=c2FsdA==` },
  { name: "iterations that are not a number", text: `r=${RFC.clientNonce}x,s=c2FsdA==,i=4k` },
  { name: "negative iterations", text: `r=${RFC.clientNonce}x,s=c2FsdA==,i=-4096` },
  { name: "iterations with a leading zero", text: `r=${RFC.clientNonce}x,s=c2FsdA==,i=04096` },
  { name: "too few iterations", text: `r=${RFC.clientNonce}x,s=c2FsdA==,i=4095` },
  { name: "too many iterations", text: `r=${RFC.clientNonce}x,s=c2FsdA==,i=10000001` },
  { name: "absurdly many iterations", text: `r=${RFC.clientNonce}x,s=c2FsdA==,i=99999999999` },
];
for (const { name, text } of SERVER_FIRSTS) {
  Deno.test(`ScramClient refuses a first message with ${name}, and any other after it`, async () => {
    const client = rfcClient();
    client.clientFirst();
    await assertRejects(() => client.clientFinal(encode(text)), ScramError);
    await assertRejects(() => client.clientFinal(encode(RFC.serverFirst)), TypeError);
  });
}

Deno.test("ScramClient takes the bounds for iterations from its options", async () => {
  const options = { nonce: RFC.clientNonce, minIterations: 4097 };
  const client = new ScramClient("user", "pencil", options);
  client.clientFirst();
  await assertRejects(
    () => client.clientFinal(encode(RFC.serverFirst)),
    ScramError,
    'Cannot hash "4096" times: this client allows 4097 to 10000000',
  );
  for (const range of [{ minIterations: 2e7 }, { maxIterations: 1 }, { maxIterations: NaN }]) {
    assertThrows(() => new ScramClient("user", "pencil", range), RangeError);
  }
});

const SERVER_FINALS = [
  { name: "nothing", text: "" },
  { name: "an error", text: "e=invalid-proof" },
  { name: "a short signature", text: "v=6rri" },
  { name: "a signature that is not base64", text: "v=%" },
  { name: "another signature", text: "v=AAAATRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=" },
];
for (const { name, text } of SERVER_FINALS) {
  Deno.test(`ScramClient refuses a server's final message with ${name}, and any other after it`, async () => {
    const client = rfcClient();
    client.clientFirst();
    await client.clientFinal(encode(RFC.serverFirst));
    assertThrows(() => client.verify(encode(text)), ScramError);
    assertThrows(() => client.verify(encode(RFC.serverFinal)), TypeError);
  });
}

Deno.test("ScramClient refuses a server that knows only the stored key", async () => {
  const impostor = { ...VERIFIER, serverKey: new Uint8Array(32) };
  const login = exchange(new ScramClient("user", "pencil"), impostor);
  await assertRejects(() => login, ScramError, "does not know this user");
});

Deno.test("ScramClient allows each step once, in order", async () => {
  const client = rfcClient();
  await assertRejects(() => client.clientFinal(encode(RFC.serverFirst)), TypeError);
  assertThrows(() => client.verify(encode(RFC.serverFinal)), TypeError);
  client.clientFirst();
  assertThrows(() => client.clientFirst(), TypeError);
  assertThrows(() => client.verify(encode(RFC.serverFinal)), TypeError);
  const once = client.clientFinal(encode(RFC.serverFirst));
  await assertRejects(() => client.clientFinal(encode(RFC.serverFirst)), TypeError);
  assertThrows(() => client.verify(encode(RFC.serverFinal)), TypeError);
  await once;
  client.verify(encode(RFC.serverFinal));
  assertThrows(() => client.verify(encode(RFC.serverFinal)), TypeError);
});

Deno.test("ScramServer allows each step once, in order", async () => {
  const server = rfcServer();
  await assertRejects(() => server.serverFinal(encode(RFC.clientFinal)), TypeError);
  server.serverFirst(VERIFIER);
  assertThrows(() => server.serverFirst(VERIFIER), TypeError);
});

Deno.test("ScramClient refuses names and passwords that SASLprep refuses", () => {
  for (const name of ["", "\u00ad", "al\u0000ice", "al\u0007ice", "\ud800"]) {
    assertThrows(() => new ScramClient(name, "pencil"), RangeError);
  }
  for (const password of ["pen\ncil", encode("pen\x7fcil"), "\ue000"]) {
    const error = assertThrows(() => new ScramClient("user", password), RangeError);
    assert(!error.message.includes("pen"), "no password in a message");
  }
});

Deno.test("ScramError is sent to Python as LoginFailed", () => {
  const error = new ScramError();
  assert(error instanceof LoginFailed);
  assertEquals(error.name, "ScramError");
  assertEquals(ScramError.jellyName, "twisted.cred.error.LoginFailed");
});
