import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { Outcome } from "../../../broker/async/outcome.ts";

Deno.test("Outcome.promise settles for those who asked before and after", async () => {
  const outcome = new Outcome<number>();
  const { promise } = outcome;
  assertStrictEquals(outcome.promise, promise);
  outcome.resolve(1);
  outcome.resolve(2);
  outcome.reject(new Error("late"));
  assertEquals([await promise, await outcome.promise], [1, 1]);
});

Deno.test("Outcome.reject() rejects for those who ask, and harms nobody if none does", async () => {
  new Outcome<void>().reject(new Error("nobody asked"));
  const dropped = new Outcome<void>();
  void dropped.promise;
  dropped.reject(new Error("nobody looks"));
  void dropped.promise;
  await new Promise((resolve) => setTimeout(resolve, 0));
  const outcome = new Outcome<void>();
  const before = assertRejects(() => outcome.promise, Error, "lost");
  outcome.reject(new Error("lost"));
  outcome.resolve();
  await before;
  await assertRejects(() => outcome.promise, Error, "lost");
});
