// Who does not speak PB, or does not agree.

import { assertEquals, assertInstanceOf, assertRejects, assertStringIncludes } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { ProtocolError } from "@perspective/broker/broker";
import { ascii, ECHO, endOf, GARBAGE, NO_CLIENTS, Service, TLS_HELLO } from "../bad_bytes.ts";
import { rawClient, rawServer, type Said } from "../raw_peer.ts";

for (const { name, said, error } of NO_CLIENTS) {
  Deno.test(`a server closes the connection of ${name}, and says what it saw`, async () => {
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
  { name: "a server of unknown dialects", said: ["klingon"], error: "none that is known" },
  { name: "a server of no dialects", said: [], error: "none that is known" },
  { name: "a server that offers numbers", said: [1, 2], error: "none that is known" },
  { name: "a server that offers no list", said: "pb", error: "none that is known" },
];

for (const { name, said, error } of NO_SERVERS) {
  Deno.test(`a client refuses ${name}, and says what it saw`, async () => {
    await using pair = await rawServer({ hello: false });
    await pair.peer.say(said);
    const refused = await assertRejects(() => pair.broker.ready, ProtocolError, error);
    assertEquals(await pair.broker.closed, refused);
    await assertRejects(() => pair.broker.root().callRemote("echo"), ProtocolError);
  });
}

Deno.test("a client takes an offer that is a list, though it begins with the byte of a brace", async () => {
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
  Deno.test(`of ${JSON.stringify(offer)} a client chooses the first that it knows, as Twisted's does`, async () => {
    await using pair = await rawServer({ hello: false });
    await pair.peer.say(offer);
    assertEquals(await pair.peer.hear(), chosen);
    await pair.broker.ready;
    assertEquals(pair.broker.dialect, chosen);
  });
}

Deno.test("a server takes a peer that says no version, as Twisted's does", async () => {
  await using pair = await rawClient(new Service(), { hello: false });
  await pair.peer.hear();
  assertEquals(await pair.peer.ask("pb", ECHO), ["version", 6]);
  assertEquals(await pair.peer.hear(), ["answer", 9, 9]);
});

for (const role of ["server", "client"] as const) {
  Deno.test(`a ${role} gives up a peer that says nothing`, async () => {
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
