import { assertEquals } from "@std/assert";
import { RisingTable } from "../../../broker/calls/rising_table.ts";

function filled(from: number, to: number): RisingTable<{ id: number }> {
  const table = new RisingTable<{ id: number }>();
  for (let id = from; id < to; id++) table.add({ id });
  return table;
}

Deno.test("RisingTable.take() returns each entry once", () => {
  const table = filled(1, 100);
  assertEquals(table.size, 99);
  for (let id = 1; id < 100; id++) assertEquals(table.take(id), { id });
  for (let id = 1; id < 100; id++) assertEquals(table.take(id), undefined);
  assertEquals(table.size, 0);
});

Deno.test("RisingTable.take() finds nothing under other numbers that share a slot with an entry", () => {
  const table = filled(5, 6);
  for (const id of [5 - 16, 5 + 16, 5 + 2 ** 32, 5.5, NaN]) assertEquals(table.take(id), undefined);
  assertEquals(table.take(5), { id: 5 });
});

Deno.test("RisingTable keeps an entry while thousands of others are added and taken", () => {
  const table = filled(1, 4);
  for (let id = 4; id < 10_000; id++) {
    table.add({ id });
    assertEquals(table.take(id), { id });
  }
  assertEquals(table.size, 3);
  assertEquals(table.take(2), { id: 2 });
  assertEquals(table.take(2), undefined);
  assertEquals(table.takeAll(), [{ id: 1 }, { id: 3 }]);
});

Deno.test("RisingTable.takeAll() empties the table, in order of the numbers", () => {
  const table = filled(1, 10_000);
  for (let id = 2; id < 10_000; id++) table.take(id);
  for (let id = 10_000; id < 10_040; id++) table.add({ id });
  const ids = table.takeAll().map(({ id }) => id);
  assertEquals(ids, [1, ...Array.from({ length: 40 }, (_, i) => 10_000 + i)]);
  assertEquals(table.size, 0);
  assertEquals(table.takeAll(), []);
});

Deno.test("RisingTable accepts numbers beyond 32 bits", () => {
  const first = 2 ** 32 - 10;
  const table = filled(first, first + 50);
  for (let id = first + 49; id >= first; id--) assertEquals(table.take(id), { id });
});

Deno.test("RisingTable keeps working after thousands of entries were taken", () => {
  const table = filled(1, 5000);
  for (let id = 1; id < 5000; id++) table.take(id);
  table.add({ id: 5000 });
  assertEquals(table.take(5000), { id: 5000 });
});

Deno.test("RisingTable.takeAll() returns 200,000 entries that were overtaken by later ones", () => {
  const count = 200_000;
  const table = filled(1, count + 1);
  for (let id = count + 1; id < 5 * count; id++) {
    table.add({ id });
    table.take(id);
  }
  const all = table.takeAll();
  assertEquals([all.length, all[0]!.id, all.at(-1)!.id], [count, 1, count]);
});
