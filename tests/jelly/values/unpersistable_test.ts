import { assert, assertEquals } from "@std/assert";
import { Unpersistable } from "../../../jelly/values/unpersistable.ts";

Deno.test("Unpersistable() keeps and prints its reason", () => {
  const hole = new Unpersistable("instance of class shop.Till deemed insecure");
  assertEquals(hole.reason, "instance of class shop.Till deemed insecure");
  assertEquals(`${hole}`, "Unpersistable: instance of class shop.Till deemed insecure");
  assert(Object.isFrozen(hole));
});
