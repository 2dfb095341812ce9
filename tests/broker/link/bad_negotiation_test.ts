// Peers that do not speak PB, or do not agree on a dialect.

import { assertEquals, assertInstanceOf, assertRejects, assertStringIncludes } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { ProtocolError } from "@perspective/broker/broker";
import { ascii, ECHO, endOf, GARBAGE, NO_CLIENTS, Service, TLS_HELLO } from "../bad_bytes.ts";
import { rawClient, rawServer, type Said } from "../raw_peer.ts";

for (const { name, said, error } of NO_CLIENTS) {
  Deno.test(`Broker of a server closes the connection of ${name}, and names it in its error`, async () => {
    await using pair = await rawClient(new Service(), { hello: false });
    await pair.peer.hear();
    await pair.peer.say(said);
    const reason = await endOf(pair.broker);
    assertInstanceOf(reason, ProtocolError);
    assertStringIncludes(reason.message, error);
    assertEquals(pair.log.length, 1);
    assertStringIncludes(pair.log[0]!.message, error);
    assertEquals(await pair.peer.hear(), undefined);
  });
}

const NO_SERVERS: { name: string; said: Said; error: string }[] = [
  {
    name: "an HTTP server",
    said: ascii("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"),
    error: "it looks like an HTTP server",
  },
  { name: "a TLS server", said: TLS_HELLO, error: "it looks like TLS" },
  { name: "an SSH server", said: ascii("SSH-2.0-OpenSSH_9.2\r\n"), error: "it looks like SSH" },
  { name: "garbage", said: GARBAGE, error: "0xff is not a type byte of banana" },
  { name: "a server with unknown dialects", said: ["klingon"], error: "none that is known" },
  { name: "a server without dialects", said: [], error: "none that is known" },
  { name: "a server that offers numbers", said: [1, 2], error: "none that is known" },
  {
    name: "a server that offers a string instead of a list",
    said: "pb",
    error: "none that is known",
  },
];

for (const { name, said, error } of NO_SERVERS) {
  Deno.test(`Broker of a client refuses ${name}, and names it in its error`, async () => {
    await using pair = await rawServer({ hello: false });
    await pair.peer.say(said);
    const refused = await assertRejects(() => pair.broker.ready, ProtocolError, error);
    assertEquals(await pair.broker.closed, refused);
    await assertRejects(() => pair.broker.root().callRemote("echo"), ProtocolError);
  });
}

Deno.test("Broker of a client accepts a list of 123 dialects, which begins with the byte of a brace", async () => {
  await using pair = await rawServer({ hello: false });
  assertEquals("{".charCodeAt(0), 123);
  await pair.peer.say(["pb", ...Array(122).fill("klingon")], ["version", 6]);
  assertEquals(await pair.peer.hear(), "pb");
  await pair.broker.ready;
});

for (
  const { offer, chosen } of [
    { offer: ["none", "pb"], chosen: "none" },
    { offer: ["pb", "none"], chosen: "pb" },
    { offer: ["klingon", "none", "pb"], chosen: "none" },
    { offer: [5, ["pb"], "pb"], chosen: "pb" },
  ] as { offer: Said; chosen: string }[]
) {
  Deno.test(`Broker of a client chooses the first known dialect from ${JSON.stringify(offer)}, as Twisted does`, async () => {
    await using pair = await rawServer({ hello: false });
    await pair.peer.say(offer);
    assertEquals(await pair.peer.hear(), chosen);
    await pair.broker.ready;
    assertEquals(pair.broker.dialect, chosen);
  });
}

Deno.test("Broker of a server accepts a client that sends no version, as Twisted does", async () => {
  await using pair = await rawClient(new Service(), { hello: false });
  await pair.peer.hear();
  assertEquals(await pair.peer.ask("pb", ECHO), ["version", 6]);
  assertEquals(await pair.peer.hear(), ["answer", 9, 9]);
});

for (const role of ["server", "client"] as const) {
  Deno.test(`Broker of a ${role} closes at negotiationTimeout if the peer is silent`, async () => {
    using time = new FakeTime();
    const options = { hello: false, limits: { negotiationTimeout: 5000 } };
    await using pair = role === "server"
      ? await rawClient(new Service(), options)
      : await rawServer(options);
    await time.tickAsync(4999);
    assertEquals(pair.broker.isClosed, false);
    await time.tickAsync(1);
    assertEquals(pair.broker.isClosed, true);
    const refused = await assertRejects(() => pair.broker.ready, ProtocolError);
    assertStringIncludes(refused.message, "5000 ms");
    assertEquals(await pair.broker.closed, refused);
  });
}
