/**
 * Twisted reads what we write, and what it writes of that is what we wrote.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import fc from "npm:fast-check@^4.0.0";
import { decodeValue, encodeValue } from "../../jelly/mod.ts";
import { runs } from "../fuzz/runs.ts";
import { graphs } from "../jelly/arbitrary.ts";
import { assertSameGraph } from "../jelly/graphs.ts";
import { startPython, twistedTest } from "./peer.ts";

twistedTest("any graph goes through Twisted and is the same", async () => {
  await using peer = await startPython("jelly_roundtrip.py");
  await fc.assert(
    fc.asyncProperty(graphs({ python: true }), async (value) => {
      const { wire, error } = await peer.ask(encodeValue(value).toHex());
      assertEquals(error, undefined);
      // Twisted puts a key behind the others if its value comes later.
      const received = decodeValue(Uint8Array.fromHex(wire as string));
      assertSameGraph(received, value, { anyOrder: true });
    }),
    { numRuns: runs(300) },
  );
});

twistedTest("sets keep their items in Twisted, in the order of its own", async () => {
  await using peer = await startPython("jelly_roundtrip.py");
  for (const set of [new Set([3, 1, 2]), new Set(["a", "b", "c"]), new Set()]) {
    const { wire } = await peer.ask(encodeValue(set).toHex());
    assertEquals(decodeValue(Uint8Array.fromHex(wire as string)), set);
  }
});
