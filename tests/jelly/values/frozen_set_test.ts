import {
  assert,
  assertEquals,
  assertFalse,
  assertNotEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { fillFrozenSet, FrozenSet, openFrozenSet } from "../../../jelly/values/frozen_set.ts";

Deno.test("FrozenSet() keeps each element once, in order", () => {
  const set = new FrozenSet([2, 1, 2, NaN, NaN]);
  assertEquals(set.size, 3);
  assertEquals([...set], [2, 1, NaN]);
  assertEquals([...set.keys()], [2, 1, NaN]);
  assertEquals([...set.values()], [2, 1, NaN]);
  assertEquals([...set.entries()], [[2, 2], [1, 1], [NaN, NaN]]);
  assertEquals(set.items, [2, 1, NaN]);
  assert(set.has(NaN));
  assertFalse(set.has(3));
  assertEquals(new FrozenSet().size, 0);
});

Deno.test("FrozenSet() copies the elements of its source", () => {
  const source = new Set([1]);
  const set = new FrozenSet(source);
  source.add(2);
  assertEquals([...set], [1]);
});

Deno.test("FrozenSet cannot be changed, not even with the methods of Set.prototype", () => {
  const set = new FrozenSet([1]);
  const asSet = set as unknown as Set<number>;
  assertThrows(() => Set.prototype.add.call(set, 2), TypeError);
  assertThrows(() => Set.prototype.delete.call(set, 1), TypeError);
  assertThrows(() => Set.prototype.clear.call(set), TypeError);
  assertThrows(() => (set.items as number[]).push(2), TypeError);
  assertThrows(() => Object.assign(set, { items: [] }), TypeError);
  assertEquals([asSet.add, asSet.delete, asSet.clear], [undefined, undefined, undefined]);
  set.forEach((_value, _same, given) => assertStrictEquals(given, set));
  assertEquals([...set], [1]);
});

Deno.test("FrozenSet shows its elements in comparisons and when printed", () => {
  assertEquals(new FrozenSet([1, 2]), new FrozenSet([1, 2]));
  assertNotEquals(new FrozenSet([1, 2]), new FrozenSet([1, 3]));
  assertEquals(Deno.inspect(new FrozenSet([1])), "FrozenSet { items: [ 1 ] }");
  assertEquals(Object.prototype.toString.call(new FrozenSet()), "[object FrozenSet]");
});

Deno.test("FrozenSet.forEach() passes the element twice, and uses thisArg", () => {
  const seen: unknown[] = [];
  new FrozenSet(["a", "b"]).forEach(function (this: string, value, same) {
    seen.push([this.toString(), value, same]);
  }, "me");
  assertEquals(seen, [["me", "a", "a"], ["me", "b", "b"]]);
});

Deno.test("FrozenSet combines with Set and FrozenSet in set operations", () => {
  const set = new FrozenSet([1, 2]);
  for (const other of [new Set([2, 3]), new FrozenSet([2, 3]), new Map([[2, ""], [3, ""]])]) {
    assertEquals(set.union(other), new Set([1, 2, 3]));
    assertEquals(set.intersection(other), new Set([2]));
    assertEquals(set.difference(other), new Set([1]));
    assertEquals(set.symmetricDifference(other), new Set([1, 3]));
    assertFalse(set.isSubsetOf(other));
    assertFalse(set.isSupersetOf(other));
    assertFalse(set.isDisjointFrom(other));
  }
  assert(set.isSubsetOf(new Set([1, 2, 3])));
  assert(set.isSupersetOf(new Set([1])));
  assert(set.isDisjointFrom(new Set([4])));
  assertEquals(new Set([0]).union(set), new Set([0, 1, 2]));
});

Deno.test("fillFrozenSet() fills an open set once", () => {
  const set = openFrozenSet<unknown>();
  const holder = { set };
  assertEquals([set.size, [...set], set.items], [0, [], []]);
  assert(Object.isFrozen(set.items));
  assert(Object.isFrozen(new FrozenSet(set.items)));
  fillFrozenSet(set, [holder, holder]);
  assertEquals(set.size, 1);
  assert(set.has(holder));
  assertStrictEquals(set.items[0], holder);
  assertThrows(() => fillFrozenSet(set, []), TypeError, "Cannot fill a FrozenSet");
  assert(Object.isFrozen(set));
});

Deno.test("fillFrozenSet() refuses a set that was made by the constructor", () => {
  assertThrows(
    () => fillFrozenSet(new FrozenSet([1]), [2]),
    TypeError,
    "it already has its elements",
  );
  assertThrows(() => fillFrozenSet(new FrozenSet(), [2]), TypeError, "it already has its elements");
});
