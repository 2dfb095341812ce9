import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  ConnectError,
  dial,
  type DialOptions,
  type HandshakeError,
  listen,
  type ListenOptions,
} from "@perspective/broker/transport";
import { alternativeNames } from "../../../transport/stream/_certificate.ts";
import { bytesOf, readExactly, readToEnd } from "../bytes.ts";
import { accepted, ALICE_TLS, CLIENT_TLS, connectTo, pem, SERVER_TLS } from "../pairs.ts";

const MUTUAL: ListenOptions = {
  url: "pbs://127.0.0.1:0",
  ...SERVER_TLS,
  clientCaCerts: [pem("authority.pem")],
};
const STRANGER: DialOptions = {
  ...CLIENT_TLS,
  cert: pem("stranger.pem"),
  key: pem("stranger.key"),
};

Deno.test("dial() verifies a server by its name and by its address", async () => {
  await using listener = listen({ url: "pbs://127.0.0.1:0", ...SERVER_TLS });
  assert(listener.addr.transport === "tcp");
  for (const host of ["localhost", "127.0.0.1"]) {
    for (const options of [CLIENT_TLS, ALICE_TLS]) {
      const client = await dial(`pbs://${host}:${listener.addr.port}`, options);
      const server = await accepted(listener);
      assertEquals(client.peer.secure, true);
      assertEquals(server.peer.certificate, undefined);
      client.transport.close();
      server.transport.close();
      await client.transport.closed;
      await server.transport.closed;
    }
  }
});

Deno.test("dial() verifies a server by an IPv6 address", async () => {
  for (const options of [CLIENT_TLS, ALICE_TLS]) {
    await using pair = await connectTo({ url: "pbs://[::1]:0", ...SERVER_TLS }, options);
    assertEquals(pair.client.peer.certificate?.commonName, "localhost");
    assertStringIncludes(pair.client.peer.address, "[::1]:");
  }
});

const DISTRUSTED: { name: string; options: DialOptions; message: string }[] = [
  { name: "an unknown authority", options: {}, message: "unable to verify the first certificate" },
  {
    name: "another name",
    options: { ...CLIENT_TLS, serverName: "example.org" },
    message: "Host: example.org. is not in the cert's altnames",
  },
  {
    name: "another address",
    options: { ...ALICE_TLS, serverName: "192.0.2.1" },
    message: "IP: 192.0.2.1 is not in the cert's list: 127.0.0.1, ::1",
  },
];

for (const { name, options, message } of DISTRUSTED) {
  Deno.test(`dial() refuses a server certificate of ${name}`, async () => {
    const { promise: told, resolve: onHandshakeError } = Promise.withResolvers<HandshakeError>();
    await using listener = listen({ url: "pbs://127.0.0.1:0", ...SERVER_TLS, onHandshakeError });
    const error = await assertRejects(() => dial(listener.url, options), ConnectError);
    assertStringIncludes(error.message, message);
    // The server learns of it during the handshake, or as the end of an open connection.
    const server = await Promise.race([told.then(() => null), listener.accept()]);
    if (server === null) return;
    await readToEnd(server.transport);
    server.transport.close();
    await server.transport.closed;
  });
}

Deno.test("listen() uses a renewed certificate for new connections, and keeps the others", async () => {
  const { promise: told, resolve: onHandshakeError } = Promise.withResolvers<HandshakeError>();
  const own = { cert: pem("server.pem"), key: pem("server.key") };
  let now = own;
  await using listener = listen({
    url: "pbs://127.0.0.1:0",
    cert: () => now.cert,
    key: () => now.key,
    onHandshakeError,
  });
  const connected = async () => {
    const [client, server] = await Promise.all([
      dial(listener.url, CLIENT_TLS),
      listener.accept(),
    ]);
    return { client, server: server! };
  };
  const first = await connected();
  now = { cert: ALICE_TLS.cert!, key: ALICE_TLS.key! };
  // It is for another name.
  await assertRejects(() => dial(listener.url, CLIENT_TLS), ConnectError);
  now = { cert: "", key: "" };
  await assertRejects(() => dial(listener.url, CLIENT_TLS), ConnectError);
  await told;
  now = own;
  await first.server.transport.write(bytesOf("hi"));
  assertEquals(await readExactly(first.client.transport, 2), bytesOf("hi"));
  first.client.transport.close();
  first.server.transport.close();
  await Promise.all([first.client.transport.closed, first.server.transport.closed]);
});

const RENEWED_WRONGLY: { name: string; cert?: () => string; key?: () => string; fact: string }[] = [
  {
    name: "cannot be read",
    cert: () => {
      throw new Deno.errors.NotFound("No such file (os error 2)");
    },
    fact: "the server has no certificate, no such file",
  },
  {
    name: "is cut short",
    cert: () => pem("server.pem").slice(0, 200),
    fact: "not a PEM certificate",
  },
  { name: "has no key", key: () => "", fact: "option key is not a PEM private key" },
  { name: "has another key", key: () => ALICE_TLS.key!, fact: "not the key of option cert" },
];

for (const { name, fact, ...renewed } of RENEWED_WRONGLY) {
  Deno.test(`listen() reports a renewed certificate that ${name}, and keeps using the old one`, async () => {
    const own = { cert: () => pem("server.pem"), key: () => pem("server.key") };
    let now = own;
    const { promise: told, resolve: onHandshakeError } = Promise.withResolvers<HandshakeError>();
    await using listener = listen({
      url: "pbs://127.0.0.1:0",
      cert: () => now.cert(),
      key: () => now.key(),
      onHandshakeError,
    });
    now = { ...own, ...renewed };
    await assertRejects(() => dial(listener.url, CLIENT_TLS), ConnectError);
    const error = await told;
    assertStringIncludes(error.message, fact);
    assertEquals(error.isProbe, false);

    now = own;
    const [client, server] = await Promise.all([
      dial(listener.url, CLIENT_TLS),
      listener.accept(),
    ]);
    client.transport.close();
    server!.transport.close();
    await Promise.all([client.transport.closed, server!.transport.closed]);
  });
}

Deno.test("listen() gives the names in a client's certificate", async () => {
  await using pair = await connectTo(MUTUAL, ALICE_TLS);
  const { kind, secure, certificate } = pair.server.peer;
  assertEquals({ kind, secure }, { kind: "tls", secure: true });
  assert(certificate !== undefined);
  assertEquals(certificate.commonName, "alice");
  assertEquals([...certificate.subject], [["O", ["Test"]], ["CN", ["alice"]]]);
  assertEquals([...certificate.issuer], [["CN", ["Test authority"]]]);
  assertEquals(certificate.alternativeNames, [
    "DNS:a.test, DNS:b.test",
    "email:alice@example.org",
    "URI:spiffe://test/alice",
    "IP:::1",
  ]);
  const digest = await crypto.subtle.digest(
    "SHA-256",
    certificate.der as Uint8Array<ArrayBuffer>,
  );
  const pairs = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0"));
  assertEquals(certificate.fingerprint, pairs.join(":").toUpperCase());
  assert(/^[0-9A-F]+$/.test(certificate.serialNumber));
});

Deno.test("listen() gives the names in a client's certificate through WebSocket", async () => {
  await using pair = await connectTo({ ...MUTUAL, url: "wss://127.0.0.1:0" }, ALICE_TLS);
  assertEquals(pair.server.peer.kind, "websocket");
  assertEquals(pair.server.peer.certificate?.commonName, "alice");
});

const STRANGERS: { name: string; options: DialOptions; fact: string }[] = [
  {
    name: "without a certificate",
    options: CLIENT_TLS,
    fact: "the client presented no certificate",
  },
  {
    name: "with a certificate of another authority",
    options: STRANGER,
    fact: "the certificate of the client is refused: ",
  },
];

for (const { name, options, fact } of STRANGERS) {
  Deno.test(`listen() refuses clients ${name} where one is required`, async () => {
    const { promise: told, resolve: onHandshakeError } = Promise.withResolvers<HandshakeError>();
    await using listener = listen({ ...MUTUAL, onHandshakeError });
    // A client may learn of the refusal only when it first reads.
    const refused = dial(listener.url, options).then(async ({ transport }) => {
      const { count } = await readToEnd(transport);
      transport.close();
      await transport.closed;
      return count;
    }, () => 0);
    assertStringIncludes((await told).message, `TLS handshake failed, ${fact}`);
    assertEquals(await refused, 0);
  });
}

Deno.test("listen() accepts clients without a certificate where none is required", async () => {
  await using pair = await connectTo({ ...MUTUAL, requireClientCert: false }, CLIENT_TLS);
  assertEquals(pair.server.peer.certificate, undefined);
  await pair.server.transport.write(bytesOf("hi"));
  assertEquals(await readExactly(pair.client.transport, 2), bytesOf("hi"));
});

Deno.test("listen() gives the names in a client's certificate where none is required", async () => {
  await using pair = await connectTo({ ...MUTUAL, requireClientCert: false }, ALICE_TLS);
  assertEquals(pair.server.peer.certificate?.commonName, "alice");
});

Deno.test("listen() refuses a certificate it does not trust even where none is required", async () => {
  const { promise: told, resolve: onHandshakeError } = Promise.withResolvers<HandshakeError>();
  await using listener = listen({ ...MUTUAL, requireClientCert: false, onHandshakeError });
  const refused = dial(listener.url, STRANGER).then(async ({ transport }) => {
    const { count } = await readToEnd(transport);
    transport.close();
    await transport.closed;
    return count;
  }, () => 0);
  assertStringIncludes((await told).message, "TLS handshake failed");
  assertEquals(await refused, 0);
});

Deno.test("listen() refuses a key that does not fit its certificate", () => {
  assertThrows(
    () => listen({ ...MUTUAL, key: pem("client.key") }),
    TypeError,
    "option key is not the key of option cert",
  );
});

Deno.test("listen() refuses a key that is too short for TLS", () => {
  const identity = { cert: pem("short.pem"), key: pem("short.key") };
  assertThrows(
    () => listen({ url: "pbs://127.0.0.1:0", ...identity }),
    TypeError,
    "options cert and key cannot be used for TLS",
  );
});

Deno.test("listen() reports each client that its key of an unknown kind keeps out", async () => {
  const identity = { cert: pem("unknown.pem"), key: pem("unknown.key") };
  const { promise: told, resolve: onHandshakeError } = Promise.withResolvers<HandshakeError>();
  await using listener = listen({ url: "pbs://127.0.0.1:0", ...identity, onHandshakeError });
  await assertRejects(() => dial(listener.url, CLIENT_TLS), ConnectError);
  const error = await told;
  assertStringIncludes(error.message, "TLS handshake failed, unsupported");
  assertEquals(error.isProbe, false);
});

Deno.test("dial() closes the connection if TLS cannot use its key", async () => {
  const identity = { cert: pem("unknown.pem"), key: pem("unknown.key") };
  await using listener = listen("pb://127.0.0.1:0");
  const server = listener.accept();
  const url = listener.url.replace("pb:", "pbs:");
  await assertRejects(() => dial(url, identity), ConnectError, "unsupported");
  const { transport } = (await server)!;
  assertEquals((await readToEnd(transport)).count, 0);
  transport.close();
});

const USELESS: { name: string; options: DialOptions; message: string }[] = [
  {
    name: "authorities that are not certificates",
    options: { caCerts: ["junk"] },
    message: "option caCerts does not consist of PEM certificates",
  },
  {
    name: "one authority among others that is a key",
    options: { caCerts: [pem("authority.pem"), pem("server.key")] },
    message: "option caCerts does not consist of PEM certificates",
  },
  {
    name: "a malformed certificate",
    options: { ...ALICE_TLS, cert: "junk" },
    message: "option cert is not a PEM certificate",
  },
  {
    name: "a malformed key",
    options: { ...ALICE_TLS, key: "junk" },
    message: "option key is not a PEM private key",
  },
  {
    name: "a certificate and a key in each other's place",
    options: { ...CLIENT_TLS, cert: pem("client.key"), key: pem("client.pem") },
    message: "option cert is not a PEM certificate",
  },
  {
    name: "a key of another certificate",
    options: { ...ALICE_TLS, key: pem("stranger.key") },
    message: "option key is not the key of option cert",
  },
  {
    name: "a key that is too short",
    options: { ...CLIENT_TLS, cert: pem("short.pem"), key: pem("short.key") },
    message: "options cert and key cannot be used for TLS",
  },
  {
    name: "a certificate without a key",
    options: { ...CLIENT_TLS, cert: pem("client.pem") },
    message: "options cert and key must be given together",
  },
  {
    name: "a key without a certificate",
    options: { ...CLIENT_TLS, key: pem("client.key") },
    message: "options cert and key must be given together",
  },
];

for (const { name, options, message } of USELESS) {
  Deno.test(`dial() refuses ${name} before it connects`, async () => {
    const url = "pbs://localhost:1"; // where nobody listens
    const error = await assertRejects(() => dial(url, options), TypeError, message);
    assertStringIncludes(error.message, "Cannot connect with TLS: ");
  });
}

Deno.test("dial() accepts authorities with text around them, and several in one string", async () => {
  const bundle = `# Our own\n${pem("stranger.pem")}\n# Another\n${pem("authority.pem")}`;
  await using pair = await connectTo(
    { url: "pbs://127.0.0.1:0", ...SERVER_TLS },
    { caCerts: [bundle] },
  );
  assertEquals(pair.client.peer.secure, true);
});

Deno.test("read() of a TLS connection ends when the connection is cut", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using target = listen({ url: "pbs://127.0.0.1:0", ...SERVER_TLS });
  assert(target.addr.transport === "tcp");
  // A relay between the two, to cut the connection without the end of TLS.
  const dialing = dial(`pbs://localhost:${listener.addr.port}`, CLIENT_TLS);
  const [here, there] = await Promise.all([
    listener.accept(),
    Deno.connect({ hostname: "127.0.0.1", port: target.addr.port }),
  ]);
  const relayed = Promise.allSettled([
    here.readable.pipeTo(there.writable),
    there.readable.pipeTo(here.writable),
  ]);
  const client = await dialing;
  const server = await accepted(target);
  await client.transport.write(bytesOf("hi"));
  assertEquals(await readExactly(server.transport, 2), bytesOf("hi"));
  const reading = Promise.all([readToEnd(client.transport), readToEnd(server.transport)]);
  here.close();
  there.close();
  await relayed;
  assertEquals((await reading).map(({ count }) => count), [0, 0]);
  client.transport.close();
  server.transport.close();
  await server.transport.closed;
  listener.close();
});

Deno.test("alternativeNames() finds nothing in bytes that are cut short or are not a certificate", () => {
  const der = Uint8Array.from(
    atob(pem("client.pem").replace(/-----.*-----|\s/g, "")),
    (character) => character.charCodeAt(0),
  );
  assertEquals(alternativeNames(der).length, 4);
  for (let length = 0; length < der.length; length++) {
    assert(alternativeNames(der.subarray(0, length)).length <= 4);
  }
  assertEquals(alternativeNames(new Uint8Array(100).fill(0x30)), []);
  assertEquals(alternativeNames(Uint8Array.of(0x30, 0x84, 0xff, 0xff, 0xff, 0xff)), []);
});
