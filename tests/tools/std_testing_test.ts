// The stand-in for `@std/testing` and the real one both pass these tests.

import {
  assert,
  assertEquals,
  AssertionError,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  assertSpyCall,
  assertSpyCallArg,
  assertSpyCallArgs,
  assertSpyCalls,
  MockError,
  returnsNext,
  type Spy,
  spy,
  stub,
} from "@std/testing/mock";
import { FakeTime } from "@std/testing/time";
import {
  assertType,
  type Has,
  type IsAny,
  type IsExact,
  type IsNever,
  type IsNullable,
  type IsUnknown,
} from "@std/testing/types";

class Counter {
  count = 0;
  add(n: number): number {
    return this.count += n;
  }
}

Deno.test("spy() records arguments, results, errors and this", () => {
  const double: Spy<unknown, [number], number> = spy((n: number) => {
    if (n < 0) throw new RangeError("negative");
    return 2 * n;
  });
  assertEquals(double(2), 4);
  assertThrows(() => double(-1), RangeError);
  assertSpyCalls(double, 2);
  assertSpyCall(double, 0, { args: [2], returned: 4 });
  assertSpyCall(double, 1, { args: [-1], error: { Class: RangeError, msgIncludes: "neg" } });
  assertEquals(assertSpyCallArg(double, 0, 0, 2), 2);
  assertEquals(assertSpyCallArgs(double, 0, [2]), [2]);
  assertThrows(() => assertSpyCalls(double, 3), AssertionError);
  assertThrows(() => assertSpyCall(double, 0, { args: [3] }), AssertionError);
  assertThrows(() => assertSpyCall(double, 0, { returned: 5 }), AssertionError);
  assertThrows(() => assertSpyCall(double, 1, { returned: 5 }), AssertionError);
  assertThrows(() => assertSpyCall(double, 0, { error: {} }), AssertionError);
  assertThrows(() => assertSpyCall(double, 2), AssertionError);
});

Deno.test("spy() without a function returns undefined", () => {
  const noop = spy();
  assertEquals(noop("x"), undefined);
  assertSpyCall(noop, 0, { args: ["x"], returned: undefined });
  assertThrows(() => noop.restore(), MockError);
});

Deno.test("spy() replaces a method until it is restored", () => {
  const counter = new Counter();
  {
    using add = spy(counter, "add");
    assertEquals(counter.add(2), 2);
    assertSpyCall(add, 0, { args: [2], returned: 2, self: counter });
    assertThrows(() => spy(counter, "add"), MockError);
  }
  assertStrictEquals(counter.add, Counter.prototype.add);
  assertThrows(() => spy(counter, "count"), MockError);
});

Deno.test("stub() replaces a method until it is restored", () => {
  const counter = new Counter();
  const add = stub(counter, "add", returnsNext([7, new RangeError("done")]));
  assertEquals(counter.add(1), 7);
  assertThrows(() => counter.add(1), RangeError);
  assertThrows(() => counter.add(1), MockError);
  assertEquals(counter.count, 0);
  assertSpyCalls(add, 3);
  add.restore();
  assert(add.restored);
  assertEquals(counter.add(1), 1);
  assertThrows(() => add.restore(), MockError);
});

Deno.test("FakeTime.tick() runs timers in the order in which they are due", () => {
  using time = new FakeTime(1000);
  const log: string[] = [];
  const note = (text: string) => void log.push(`${text} ${Date.now()}`);
  setTimeout(note, 20, "late");
  setTimeout(note, 10, "early");
  setTimeout(note, 10, "next");
  const cancelled = setTimeout(note, 5, "never");
  clearTimeout(cancelled);
  const repeating = setInterval(note, 8, "again");
  time.tick(9);
  assertEquals(log, ["again 1008"]);
  time.tick(11);
  assertEquals(log.slice(1), ["early 1010", "next 1010", "again 1016", "late 1020"]);
  clearInterval(repeating);
  assertEquals(time.next(), false);
  assertEquals([time.start, time.now, new Date().getTime()], [1000, 1020, 1020]);
  assertThrows(() => new FakeTime());
  assertThrows(() => time.now = 0, RangeError);
});

Deno.test("FakeTime.tickAsync() runs microtasks before timers", async () => {
  using time = new FakeTime();
  let done = false;
  const later = async () => {
    await Promise.resolve();
    await new Promise((resolve) => setTimeout(resolve, 10));
    done = true;
  };
  const finished = later();
  await time.tickAsync(10);
  await finished;
  assert(done);
});

Deno.test("FakeTime moves AbortSignal.timeout() too", () => {
  using time = new FakeTime();
  const signal = AbortSignal.timeout(100);
  time.tick(99);
  assertEquals(signal.aborted, false);
  time.tick(1);
  assertEquals(signal.reason.name, "TimeoutError");
});

Deno.test("FakeTime.runAllAsync() runs timers that other timers set", async () => {
  using time = new FakeTime(0);
  const log: number[] = [];
  setTimeout(() => {
    log.push(time.now);
    setTimeout(() => log.push(time.now), 5);
  }, 5);
  await time.runAllAsync();
  assertEquals(log, [5, 10]);
});

Deno.test("FakeTime.restoreFor() runs a function in real time", async () => {
  const { setTimeout } = globalThis;
  using _time = new FakeTime(0);
  const during = await FakeTime.restoreFor(() => globalThis.setTimeout);
  assertStrictEquals(during, setTimeout);
  assertEquals(Date.now(), 0);
});

Deno.test("FakeTime.restore() ends fake time, and throws when called twice", () => {
  const { setTimeout } = globalThis;
  const time = new FakeTime(0);
  time.restore();
  assertStrictEquals(globalThis.setTimeout, setTimeout);
  assertThrows(() => time.restore());
  using _again = new FakeTime(5);
  assertEquals(Date.now(), 5);
});

Deno.test("assertType() checks types", () => {
  assertType<IsExact<{ a: string }, { a: string }>>(true);
  assertType<IsExact<{ a: string } & { b: number }, { a: string; b: number }>>(true);
  assertType<IsExact<string, "a">>(false);
  assertType<IsExact<string | number, string>>(false);
  // deno-lint-ignore no-explicit-any
  assertType<IsExact<any, string>>(false);
  assertType<IsExact<{ a?: string }, { a: string | undefined }>>(false);
  assertType<IsExact<Promise<number>, Promise<string>>>(false);
  assertType<IsExact<(a: string) => number, (a: string) => number>>(true);
  assertType<IsExact<(a: string) => number, (a: string) => string>>(false);
  assertType<Has<string | number, string>>(true);
  assertType<Has<string, number>>(false);
  assertType<IsNullable<string | null>>(true);
  assertType<IsAny<unknown>>(false);
  assertType<IsNever<never>>(true);
  assertType<IsUnknown<unknown>>(true);
});
