/**
 * Twisted reads what we write, and writes the same value back.
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

twistedTest(
  "encodeValue() writes any graph so that Twisted reads and writes the same graph",
  async () => {
    await using peer = await startPython("jelly_roundtrip.py");
    await fc.assert(
      fc.asyncProperty(graphs({ python: true }), async (value) => {
        const { wire, error } = await peer.ask(encodeValue(value).toHex());
        assertEquals(error, undefined);
        // Twisted moves a key after the others if its value comes later.
        const received = decodeValue(Uint8Array.fromHex(wire as string));
        assertSameGraph(received, value, { anyOrder: true });
      }),
      { numRuns: runs(300) },
    );
  },
);

twistedTest("sets keep their items through Twisted, in any order", async () => {
  await using peer = await startPython("jelly_roundtrip.py");
  for (const set of [new Set([3, 1, 2]), new Set(["a", "b", "c"]), new Set()]) {
    const { wire } = await peer.ask(encodeValue(set).toHex());
    assertEquals(decodeValue(Uint8Array.fromHex(wire as string)), set);
  }
});
