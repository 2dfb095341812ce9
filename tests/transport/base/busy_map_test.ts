import { assertEquals } from "@std/assert";
import { BusyMap, isWorn } from "../../../transport/base/busy_map.ts";
import { BusySet } from "../../../transport/base/busy_set.ts";

Deno.test("isWorn() is false for small tables, and for large ones until they changed as often as they have entries", () => {
  assertEquals([isWorn(16, 0), isWorn(17, 0)], [false, true]);
  assertEquals([isWorn(1000, 1000), isWorn(1001, 1000)], [false, true]);
});

Deno.test("BusyMap keeps entries and their order through thousands of changes", () => {
  const busy = new BusyMap<number, string>();
  const map = new Map<number, string>();
  for (let i = 0; i < 5000; i++) {
    const key = i * 7919 % 613;
    if (i % 3 === 0) {
      busy.delete(key);
      map.delete(key);
    } else {
      busy.set(key, `${i}`);
      map.set(key, `${i}`);
    }
    assertEquals([busy.size, busy.get(key), busy.has(key)], [map.size, map.get(key), map.has(key)]);
  }
  assertEquals([...busy.values()], [...map.values()]);
  busy.clear();
  assertEquals([busy.size, busy.get(1)], [0, undefined]);
});

Deno.test("BusySet behaves like a Set through thousands of changes", () => {
  const busy = new BusySet<number>();
  const set = new Set<number>();
  for (let i = 0; i < 5000; i++) {
    const member = i * 7919 % 613;
    if (i % 3 === 0) assertEquals(busy.delete(member), set.delete(member));
    else {
      busy.add(member);
      set.add(member);
    }
    assertEquals([busy.size, busy.has(member)], [set.size, set.has(member)]);
  }
  assertEquals([...busy], [...set]);
  assertEquals([...busy.keys()], [...busy.values()]);
  assertEquals([...busy.entries()], [...set.entries()]);
  const seen: number[] = [];
  busy.forEach((value, key, all) => {
    if (value === key && all === busy) seen.push(value);
  });
  assertEquals(seen, [...set]);
  const other = new Set([...set].slice(0, 3).concat(10_000));
  assertEquals(busy.union(other), set.union(other));
  assertEquals(busy.intersection(other), set.intersection(other));
  assertEquals(busy.difference(other), set.difference(other));
  assertEquals(busy.symmetricDifference(other), set.symmetricDifference(other));
  assertEquals([busy.isSubsetOf(set), busy.isSupersetOf(set)], [true, true]);
  assertEquals([busy.isDisjointFrom(other), busy.isDisjointFrom(new Set([-1]))], [false, true]);
});
