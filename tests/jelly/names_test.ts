import { assert, assertEquals, assertFalse, assertThrows } from "@std/assert";
import { isClass, jellyNameOf, moduleNameOf } from "../../jelly/names.ts";

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

Deno.test("jellyNameOf() refuses a class whose name is missing or not text", () => {
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

Deno.test("moduleNameOf() gives everything before the last dot", () => {
  const cases = [["a.b.C", "a.b"], ["a.C", "a"], ["C", ""], ["", ""], [".C", ""], ["a.", "a"]];
  for (const [name, module] of cases) assertEquals(moduleNameOf(name!), module);
});

Deno.test("isClass() tells classes from functions", () => {
  for (const value of [class {}, Map, Number, Temporal.PlainDate, abstractClass()]) {
    assert(isClass(value));
  }
  const functions = [() => {}, function () {}, async () => {}, function* () {}, Math.max, eval];
  for (const value of [...functions, {}, null, undefined, "class", { prototype: {} }]) {
    assertFalse(isClass(value));
  }
});

function abstractClass() {
  abstract class Abstract {}
  return Abstract;
}
