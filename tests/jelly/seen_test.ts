import { assertEquals } from "@std/assert";
import { SeenObjects } from "../../jelly/seen.ts";

for (const count of [1, 127, 128, 129, 1000]) {
  Deno.test(`SeenObjects.add() tells which of ${count} objects came before`, () => {
    const seen = new SeenObjects();
    const objects = Array.from({ length: count }, () => ({}));
    for (const [i, object] of objects.entries()) {
      assertEquals(seen.has(object), false);
      assertEquals(seen.add(object, 10 * i), true);
      assertEquals(seen.has(object), true);
      assertEquals(seen.add(object, -1), false);
    }
    for (const object of objects) assertEquals(seen.add(object, -1), false);
  });

  Deno.test(`SeenObjects.markOf() gives the position of each of ${count} objects, even if more follow`, () => {
    const seen = new SeenObjects();
    const objects = Array.from({ length: count }, () => ({}));
    for (const [i, object] of objects.entries()) {
      seen.add(object, 10 * i);
      assertEquals(seen.markOf(object), 10 * i);
      assertEquals(seen.markOf(objects[i >> 1]!), 10 * (i >> 1));
    }
  });

  Deno.test(`SeenObjects.clear() forgets ${count} objects`, () => {
    const seen = new SeenObjects();
    const objects = Array.from({ length: count }, () => ({}));
    for (const [i, object] of objects.entries()) seen.add(object, i);
    seen.markOf(objects[0]!);
    seen.clear();
    for (const object of objects) assertEquals(seen.has(object), false);
    for (const [i, object] of objects.toReversed().entries()) {
      assertEquals(seen.add(object, i), true);
      assertEquals(seen.markOf(object), i);
    }
  });
}
