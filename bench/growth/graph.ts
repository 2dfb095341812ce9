/**
 * Graphs of up to a million nodes.
 *
 * @module
 */

import { valueCodec } from "@perspective/broker/jelly";
import { markdown, short } from "../table.ts";
import { least } from "./meter.ts";

/** A node, which refers to the previous one and to one far away. */
interface Node {
  id: number;
  previous: Node | null;
  other: Node | null;
}

/** Nodes in an array, each of which two others refer to. */
function graph(size: number): Node[] {
  const nodes = Array.from(
    { length: size },
    (_, id): Node => ({ id, previous: null, other: null }),
  );
  nodes.forEach((node, i) => {
    // An array of nodes that are all known by then keeps the depth small.
    node.previous = nodes[i - 1] ?? null;
    node.other = nodes[(i * 7919) % (i + 1)] ?? null;
  });
  return nodes;
}

/** Writes and reads a value; returns the microseconds for each. */
async function measure(value: unknown[]): Promise<{ out: number; in: number; bytes: number }> {
  const codec = valueCodec({
    limits: { maxListItems: 1 << 24, maxElements: 1 << 26, maxMessageBytes: 1 << 29 },
  });
  const times = value.length > 100_000 ? 2 : 5;
  let encoded = codec.encode(value);
  const out = await least(times, () => encoded = codec.encode(value));
  let read: unknown;
  const back = await least(times, () => read = codec.decode(encoded));
  if ((read as unknown[]).length !== value.length) throw new Error("a graph came back smaller");
  return { out, in: back, bytes: encoded.length };
}

/** Measures, and lays out the table. */
export async function graphTable(): Promise<string> {
  const rows: string[][] = [];
  for (let size = 1000; size <= 1_000_000; size *= 10) {
    const cell = (value: number) => short(value * 1000 / size);
    const tree = await measure(
      Array.from({ length: size }, (_, id) => ({ id, previous: null, other: null })),
    );
    const linked = await measure(graph(size));
    rows.push([
      short(size),
      cell(tree.out),
      cell(tree.in),
      cell(linked.out),
      cell(linked.in),
      short(linked.bytes / size),
    ]);
  }
  const head = ["nodes", "tree out", "tree in", "linked out", "linked in", "bytes per node"];
  return "Nodes with three fields, to bytes and back; nanoseconds of processor time per node. In the " +
    `tree each occurs once; linked, each is referred to by two others:\n\n${markdown(head, rows)}`;
}
