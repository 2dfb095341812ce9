import { assertEquals } from "@std/assert";
import { Spell } from "../../../transport/base/spell.ts";

Deno.test("Spell.begins() is true once, and again after ten seconds without trouble", () => {
  const spell = new Spell();
  const times = [0, 100, 9000, 18_999, 28_999, 29_000];
  assertEquals(times.map((now) => spell.begins(now)), [true, false, false, false, true, false]);
});
