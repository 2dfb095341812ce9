import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { Outcome } from "../../../broker/async/outcome.ts";

Deno.test("Outcome.promise settles whether it is read before or after the outcome is known", async () => {
  const outcome = new Outcome<number>();
  const { promise } = outcome;
  assertStrictEquals(outcome.promise, promise);
  outcome.resolve(1);
  outcome.resolve(2);
  outcome.reject(new Error("late"));
  assertEquals([await promise, await outcome.promise], [1, 1]);
});

Deno.test("Outcome.reject() rejects the promise, and causes no unhandled rejection if nobody reads it", async () => {
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
