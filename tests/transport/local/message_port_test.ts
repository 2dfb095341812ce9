import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { fromMessagePort, TransportError } from "@perspective/broker/transport";
import { bytesOf, equalBytes, pattern, readExactly, readToEnd, writeAll } from "../bytes.ts";

Deno.test("fromMessagePort() connects to a worker", async () => {
  const worker = new Worker(new URL("./echo_worker.ts", import.meta.url), { type: "module" });
  const { port1, port2 } = new MessageChannel();
  worker.postMessage(port2, [port2]);
  const { transport, peer } = fromMessagePort(port1);
  assertEquals(peer.kind, "port");
  const bytes = pattern(500_000);
  const [echo] = await Promise.all([
    readExactly(transport, bytes.length),
    writeAll(transport, bytes),
  ]);
  assert(equalBytes(echo, bytes));
  await writeAll(transport, bytesOf("please close"));
  assertEquals(await readToEnd(transport), { count: 0 });
  assertEquals(transport.closeReason, { kind: "goingAway", message: "as you wish" });
  worker.terminate();
});

const SELF_WORKER = new URL("./self_worker.ts", import.meta.url);

Deno.test("fromMessagePort() connects through a Worker object, and does not terminate the worker", async () => {
  const worker = new Worker(SELF_WORKER, { type: "module" });
  const { transport } = fromMessagePort(worker);
  await writeAll(transport, bytesOf("hello"));
  assertEquals(await readExactly(transport, 5), bytesOf("hello"));
  transport.close();
  const { promise: answer, resolve } = Promise.withResolvers<unknown>();
  worker.onmessage = ({ data }) => resolve(data);
  worker.postMessage("hello");
  assertEquals(await answer, "hello to you");
  worker.terminate();
});

Deno.test("fromMessagePort() closes when the given Worker fails", async () => {
  const worker = new Worker(SELF_WORKER, { type: "module" });
  worker.addEventListener("error", (event) => event.preventDefault());
  const { transport } = fromMessagePort(worker);
  await writeAll(transport, Uint8Array.of(0));
  const { error } = await readToEnd(transport);
  assertInstanceOf(error, TransportError);
  assertStringIncludes(
    error.message,
    "the worker failed: Uncaught (in promise) Error: the first b",
  );
  await assertRejects(() => transport.write(pattern(1)), TransportError);
  worker.terminate();
});

const STRANGE = [
  "text",
  null,
  undefined,
  -5,
  0.5,
  Infinity,
  { other: 1 },
  new ArrayBuffer(8),
  { close: null },
  { close: "normal" },
  { close: {} },
  { close: { kind: "constructor", message: "" } },
  { close: { kind: ["normal"], message: "" } },
  { close: { kind: "normal", message: { toString: 1, valueOf: 1 } } },
];

for (const message of STRANGE) {
  Deno.test(`fromMessagePort() closes on message ${Deno.inspect(message)}`, async () => {
    const { port1, port2 } = new MessageChannel();
    const { transport } = fromMessagePort(port1);
    const said = new Promise<unknown>((resolve) => {
      port2.onmessage = ({ data }) => typeof data === "object" && resolve(data);
    });
    port2.postMessage(message);
    const { error } = await readToEnd(transport);
    assertInstanceOf(error, TransportError);
    await assertRejects(() => transport.write(pattern(1)), TransportError);
    assertEquals(await said, {
      close: { kind: "protocolError", message: "peer sent something other than bytes" },
    });
    port2.close();
  });
}

Deno.test("fromMessagePort() closes when the peer sends more bytes than it permitted", async () => {
  const { port1, port2 } = new MessageChannel();
  const { transport } = fromMessagePort(port1, { window: 65_536 });
  port2.postMessage(new Uint8Array(65_537));
  const { count, error } = await readToEnd(transport);
  assertEquals(count, 0);
  assertInstanceOf(error, TransportError);
  port2.close();
});
