import { assertEquals, assertThrows } from "@std/assert";
import { jellyNameOf, moduleNameOf } from "../../jelly/names.ts";

Deno.test("jellyNameOf() prefers the class's own jellyName", () => {
  class Till {
    static readonly jellyName = "shop.Till";
  }
  class Drawer extends Till {}
  abstract class Shape {}
  assertEquals(jellyNameOf(Till), "shop.Till");
  assertEquals(jellyNameOf(Drawer), "Drawer");
  assertEquals(jellyNameOf(Shape), "Shape");
  assertEquals(jellyNameOf(Map), "Map");
});

Deno.test("jellyNameOf() refuses a class without a name that is text", () => {
  const nameless = [
    class {},
    class NumberName {
      static readonly jellyName = 7;
    },
    class EmptyName {
      static readonly jellyName = "";
    },
    class {
      static name(): string {
        return "method";
      }
    },
  ];
  for (const cls of nameless) {
    assertThrows(() => jellyNameOf(cls), TypeError, "Cannot name a class");
  }
});

Deno.test("moduleNameOf() takes all before the last dot", () => {
  const cases = [["a.b.C", "a.b"], ["a.C", "a"], ["C", ""], ["", ""], [".C", ""], ["a.", "a"]];
  for (const [name, module] of cases) assertEquals(moduleNameOf(name!), module);
});
