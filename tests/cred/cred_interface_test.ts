import { assert, assertEquals } from "@std/assert";
import { CredInterface, providedBy } from "../../cred/mod.ts";

const Base = new CredInterface("example.Base");
const Middle = new CredInterface("example.Middle", [Base]);
const Leaf = new CredInterface("example.Leaf", [new CredInterface("example.Other"), Middle]);

Deno.test("CredInterface.extends() is true of bases, and not the other way round", () => {
  assert(Leaf.extends(Leaf) && Leaf.extends(Middle) && Leaf.extends(Base));
  assert(!Base.extends(Leaf) && !Middle.extends(Leaf));
});

Deno.test("CredInterface.extends() tells apart two interfaces with the same name", () => {
  assert(!new CredInterface("example.Base").extends(Base));
});

Deno.test("CredInterface() copies the array of bases", () => {
  const bases = [Base];
  const one = new CredInterface("example.One", bases);
  bases.pop();
  assertEquals(one.bases, [Base]);
});

Deno.test("providedBy() is true of listed interfaces and their bases", () => {
  assert(providedBy(Leaf, { provides: [Base, Leaf] }));
  assert(providedBy(Base, { provides: [Leaf] }));
  assert(!providedBy(Leaf, { provides: [Base] }));
  assert(!providedBy(Base, { provides: [] }));
});

Deno.test("providedBy() is false for values that are not providers", () => {
  const strangers = [
    undefined,
    null,
    1,
    "text",
    Symbol.iterator,
    {},
    [],
    () => {},
    { provides: undefined },
    { provides: Base },
    { provides: "example.Base" },
    { provides: [undefined, "example.Base", {}, { extends: () => true }] },
  ];
  for (const value of strangers) assert(!providedBy(Base, value), Deno.inspect(value));
});
