// Peers that vanish, or send byte by byte.

import { assertEquals } from "@std/assert";
import { PBServerFactory } from "@perspective/broker/broker";
import { memoryPair } from "@perspective/broker/transport";
import { call, ECHO, Service } from "../bad_bytes.ts";
import { settle } from "../pair.ts";
import {
  assertNothingLeft,
  failureIn,
  HELLO,
  rawClient,
  RawPeer,
  rawServer,
  type Said,
} from "../raw_peer.ts";

Deno.test("Broker of a server empties its tables when the client vanishes after any byte", async () => {
  const said = new RecordedBytes();
  await said.add(...HELLO, call("thing"), call("call", ["remote", 1]), ECHO);
  for (let length = 0; length <= said.bytes.length; length++) {
    await using pair = await rawClient(new Service(), { hello: false });
    await pair.peer.say(said.bytes.subarray(0, length));
    await settle();
    pair.peer.close();
    await pair.broker.closed;
    assertNothingLeft(pair.broker);
    assertEquals(pair.log.filter(({ level }) => level === "error"), []);
  }
});

Deno.test("Broker of a client settles its call and empties its tables when the server vanishes after any byte", async () => {
  const hello = new RecordedBytes();
  await hello.add(["pb", "none"], ["version", 6]);
  const said = new RecordedBytes();
  await said.add(["pb", "none"], ["version", 6], ["answer", 1, ["remote", 1]]);
  for (let length = 0; length <= said.bytes.length; length++) {
    await using pair = await rawServer({ hello: false });
    const call = pair.broker.root().callRemote("thing").then(() => "answered", () => "failed");
    await pair.peer.say(hello.bytes.subarray(0, length));
    await settle();
    await pair.peer.say(said.bytes.subarray(hello.bytes.length, length));
    await settle();
    pair.peer.close();
    await pair.broker.closed;
    assertEquals(await call, length === said.bytes.length ? "answered" : "failed");
    assertNothingLeft(pair.broker);
  }
});

Deno.test("Broker handles messages that arrive byte by byte", async () => {
  const [here, there] = memoryPair({ chunkSize: 1 });
  const factory = new PBServerFactory(new Service(), { log: () => {} });
  await using server = factory.buildBroker(there);
  using peer = new RawPeer(here.transport);
  await peer.hear();
  assertEquals(await peer.ask(...HELLO), ["version", 6]);
  assertEquals(await peer.ask(ECHO, call("missing"), ECHO), ["answer", 9, 9]);
  assertEquals(failureIn(await peer.hear()).type, "twisted.spread.flavors.NoSuchMethod");
  assertEquals(await peer.hear(), ["answer", 9, 9]);
  assertEquals(server.isClosed, false);
});

/** Collects the bytes that a raw peer sends. */
class RecordedBytes {
  bytes = new Uint8Array(0);
  async add(...said: Said[]): Promise<void> {
    const peer = new RawPeer({
      read: () => Promise.resolve(null),
      write: (bytes) => {
        this.bytes = Uint8Array.of(...this.bytes, ...bytes);
        return Promise.resolve(bytes.length);
      },
      close: () => {},
    });
    await peer.say(...said);
  }
}
