import { assertEquals } from "@std/assert";
import { Spell } from "../../../transport/base/spell.ts";

Deno.test("Spell.begins() is true once, until there has been no trouble for ten seconds", () => {
  const spell = new Spell();
  const times = [0, 100, 9000, 18_999, 28_999, 29_000];
  assertEquals(times.map((now) => spell.begins(now)), [true, false, false, false, true, false]);
});
