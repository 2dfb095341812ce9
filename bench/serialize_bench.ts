/**
 * Compares the codec with others, to bytes and back: `deno bench -A bench/serialize_bench.ts`.
 *
 * Each codec reads what it wrote itself. Only ours keeps track of object identity.
 *
 * @module
 */

import { valueCodec } from "../jelly/mod.ts";
import { makePayload } from "./harness.ts";
import { serializers } from "./serializers.ts";

const payload = makePayload();
const codecs = [{ name: "ours", ...valueCodec() }, ...await serializers()];

for (const { name, encode } of codecs) {
  const { length } = encode(payload);
  Deno.bench({
    name: `${name} (${length} bytes)`,
    group: "encode 100 records",
    baseline: name === "ours",
    fn: () => void encode(payload),
  });
}

for (const { name, encode, decode } of codecs) {
  const bytes = Uint8Array.from(encode(payload));
  if (JSON.stringify(decode(bytes)) !== JSON.stringify(payload)) {
    throw new Error(`Cannot measure ${name}: what it reads is not what it wrote`);
  }
  Deno.bench({
    name,
    group: "decode 100 records",
    baseline: name === "ours",
    fn: () => void decode(bytes),
  });
}
