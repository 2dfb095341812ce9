import { assertEquals } from "@std/assert";
import { numberKey } from "../../jelly/number_key.ts";

Deno.test("numberKey() keeps small numbers, and gives marked texts for large ones", () => {
  assertEquals([0, 1, 65_535].map(numberKey), [0, 1, 65_535]);
  const others = [65_536, -1, 1e15, -0.5, 2n ** 70n, NaN];
  const keys = others.map(numberKey);
  assertEquals(keys, [
    "#65536",
    "#-1",
    "#1000000000000000",
    "#-0.5",
    "#1180591620717411303424",
    "#NaN",
  ]);
});
