import { assertEquals } from "@std/assert";
import { applyMask } from "../../../transport/websocket/_mask.ts";
import { pattern } from "../bytes.ts";

Deno.test("applyMask() masks correctly for every start, length and phase", () => {
  for (const mask of [[0x12, 0x34, 0x56, 0x78], [0xff, 0, 0, 0x80], [0, 0, 0, 0]]) {
    const number = mask.reduce((sum, byte, i) => sum | byte << (8 * i), 0);
    for (const start of [0, 1, 2, 3, 7]) {
      for (const length of [0, 1, 3, 4, 15, 63, 64, 65, 79, 80, 83, 200]) {
        for (const phase of [0, 1, 2, 3, 1001, 2 ** 40 + 1]) {
          const bytes = pattern(start + length).subarray(start);
          const expected = bytes.map((byte, i) => byte ^ mask[(phase + i) % 4]!);
          applyMask(bytes, number, phase);
          assertEquals(bytes, expected, `start ${start}, length ${length}, phase ${phase}`);
        }
      }
    }
  }
});
