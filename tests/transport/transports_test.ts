import { assert, assertEquals, assertGreater, assertRejects } from "@std/assert";
import { type CloseReason, TransportClosedError } from "@perspective/broker/transport";
import { equalBytes, pattern, readExactly, readToEnd, writeAll } from "./bytes.ts";
import { KINDS } from "./pairs.ts";

const SIZES = [1, 2, 125, 126, 127, 1024, 4096, 65_535, 65_536, 65_537, 300_000];

for (const { name, tellsReason, buffers, connect } of KINDS) {
  // Large amounts would take long byte by byte.
  const large = name.endsWith("byte by byte") ? 100_000 : 10_000_000;

  Deno.test(`${name} transport: bytes of all sizes arrive in both directions`, async () => {
    await using pair = await connect();
    const { client, server } = pair;
    for (const size of SIZES) {
      const bytes = pattern(size);
      const [there] = await Promise.all([
        readExactly(server.transport, size),
        writeAll(client.transport, bytes),
      ]);
      assert(equalBytes(there, bytes), `${size} bytes to the server`);
      const [back] = await Promise.all([
        readExactly(client.transport, size),
        writeAll(server.transport, bytes),
      ]);
      assert(equalBytes(back, bytes), `${size} bytes to the client`);
    }
  });

  Deno.test(`${name} transport: bytes can be read one at a time`, async () => {
    await using pair = await connect();
    await writeAll(pair.client.transport, pattern(300));
    assertEquals(await readExactly(pair.server.transport, 300, 1), pattern(300));
  });

  Deno.test(`${name} transport: bytes may be changed once their write has settled`, async () => {
    await using pair = await connect();
    const bytes = Uint8Array.of(1, 2, 3);
    await writeAll(pair.server.transport, bytes);
    bytes.fill(9);
    assertEquals(await readExactly(pair.client.transport, 3), Uint8Array.of(1, 2, 3));
  });

  Deno.test(`${name} transport: ${large} bytes arrive in both directions at once`, async () => {
    await using pair = await connect();
    const { client, server } = pair;
    const bytes = pattern(large);
    const [there, back] = await Promise.all([
      readExactly(server.transport, large, 65_536),
      readExactly(client.transport, large, 65_536),
      writeAll(client.transport, bytes),
      writeAll(server.transport, bytes),
    ]);
    assert(equalBytes(there, bytes) && equalBytes(back, bytes));
  });

  Deno.test(`${name} transport: bytes written before close() arrive`, async () => {
    await using pair = await connect();
    const { client, server } = pair;
    const writing = writeAll(client.transport, pattern(200_000)).then(() =>
      client.transport.close()
    );
    const { count } = await readToEnd(server.transport);
    assertEquals(count, 200_000);
    await writing;
  });

  for (const side of ["client", "server"] as const) {
    Deno.test(`${name} transport: close() by the ${side} ends the reads of both ends`, async () => {
      await using pair = await connect();
      const here = pair[side].transport;
      const there = pair[side === "client" ? "server" : "client"].transport;
      const own = readToEnd(here);
      const other = readToEnd(there);
      const reason: CloseReason = { kind: "goingAway", message: "see you" };
      here.close(reason);
      here.close();
      assertEquals((await own).count, 0);
      assertEquals((await other).count, 0);
      if (tellsReason) {
        assertEquals((await other).error, undefined);
        assertEquals(there.closeReason, reason);
        assertEquals(here.closeReason, undefined);
      }
      await assertRejects(() => here.write(Uint8Array.of(1)), TransportClosedError);
    });
  }

  Deno.test(`${name} transport: writes are soon refused after the other end closed`, async () => {
    await using pair = await connect();
    const { client, server } = pair;
    server.transport.close();
    await assertRejects(async () => {
      for (;;) {
        await client.transport.write(new Uint8Array(65_536));
        // The two ends of a pair in memory would otherwise never yield to the event loop.
        await new Promise((resolve) => setTimeout(resolve));
      }
    });
  });

  Deno.test(`${name} transport: write() waits while nobody reads, and continues when somebody does`, async () => {
    await using pair = await connect();
    const { client, server } = pair;
    let written = 0;
    let writing = true;
    const chunk = pattern(65_536);
    const writer = (async () => {
      while (written < 2 * buffers) written += await client.transport.write(chunk);
      writing = false;
      client.transport.close();
    })();
    // The writer waits for good when many turns of the event loop bring no progress.
    for (let seen = -1, quiet = 0; quiet < 20 && writing; quiet++) {
      if (seen !== written) quiet = 0;
      seen = written;
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    assert(writing, `${written} bytes were taken, and nobody has read`);
    assertGreater(written, 0);
    const { count } = await readToEnd(server.transport);
    await writer;
    assertEquals(count, written);
  });
}
