import { assertEquals, assertThrows } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { type Alarm, Clock } from "../../../transport/base/clock.ts";

function alarm(delay: number, rung: string[], name: string, also?: () => void): Alarm {
  return {
    delay,
    place: undefined,
    ring() {
      rung.push(name);
      also?.();
    },
  };
}

Deno.test("Clock rings alarms of different delays once, when each is due", () => {
  using time = new FakeTime();
  const clock = new Clock();
  const rung: string[] = [];
  clock.set(alarm(100, rung, "late"));
  clock.set(alarm(20, rung, "early"));
  time.tick(19);
  assertEquals(rung, []);
  time.tick(1);
  clock.set(alarm(20, rung, "next"));
  assertEquals(rung, ["early"]);
  time.tick(20);
  assertEquals(rung, ["early", "next"]);
  time.tick(60);
  assertEquals(rung, ["early", "next", "late"]);
  assertEquals(time.next(), false);
});

Deno.test("Clock.clear() keeps an alarm from ringing, and stops the timer with the last alarm", () => {
  using time = new FakeTime();
  const clock = new Clock();
  const rung: string[] = [];
  const [one, other] = [alarm(10, rung, "one"), alarm(10, rung, "other")];
  clock.set(one);
  clock.set(other);
  clock.clear(one);
  clock.clear(one);
  time.tick(10);
  assertEquals(rung, ["other"]);
  clock.set(one);
  clock.clear(one);
  assertEquals(time.next(), false);
});

Deno.test("Clock.set() restarts an alarm that is already set, even from within its own ring", () => {
  using time = new FakeTime();
  const clock = new Clock();
  const rung: string[] = [];
  let left = 3;
  const again = alarm(10, rung, "again", () => {
    if (--left > 0) clock.set(again);
  });
  clock.set(again);
  time.tick(5);
  clock.set(again);
  time.tick(9);
  assertEquals(rung.length, 0);
  time.tick(1);
  assertEquals(rung.length, 1);
  time.tick(20);
  assertEquals(rung.length, 3);
  assertEquals(time.next(), false);
});

Deno.test("Clock rings a thousand alarms over several turns of the event loop", () => {
  using time = new FakeTime();
  const clock = new Clock();
  const rung: string[] = [];
  clock.set(alarm(10, rung, "first", () => setTimeout(() => rung.push("other"), 0)));
  for (let i = 0; i < 1000; i++) clock.set(alarm(10, rung, "next"));
  time.tick(10);
  assertEquals(rung.length, 1002);
  const other = rung.indexOf("other");
  assertEquals(other > 0 && other < 200, true, `${other}`);
});

Deno.test("Clock does not ring an alarm that an earlier one of the same time has cleared", () => {
  using time = new FakeTime();
  const clock = new Clock();
  const rung: string[] = [];
  const alarms = Array.from({ length: 200 }, (_, i) => {
    const even = i % 2 === 0;
    return alarm(
      10,
      rung,
      even ? "even" : "odd",
      even ? () => clock.clear(alarms[i + 1]!) : undefined,
    );
  });
  for (const one of alarms) clock.set(one);
  time.tick(10);
  assertEquals(rung, Array(100).fill("even"));
  assertEquals(time.next(), false);
});

Deno.test("Clock rings on time when the system clock is set back", () => {
  using time = new FakeTime();
  const clock = new Clock();
  const rung: string[] = [];
  clock.set(alarm(10, rung, "rings"));
  // Replaces the whole class, as a stub of `Date.now` has no effect under FakeTime.
  const before = Date;
  globalThis.Date = class extends before {
    static override now = () => before.now() - 3_600_000;
  } as DateConstructor;
  try {
    time.tick(10);
  } finally {
    globalThis.Date = before;
  }
  assertEquals(rung, ["rings"]);
});

Deno.test("Clock keeps working after fake time ended with an alarm set", () => {
  const clock = new Clock();
  const rung: string[] = [];
  const replaced = new FakeTime();
  clock.set(alarm(10, rung, "left"));
  replaced.restore();
  using time = new FakeTime(Date.now() + 5000);
  clock.set(alarm(20, rung, "next"));
  time.tick(20);
  assertEquals(rung.toSorted(), ["left", "next"]);
  assertEquals(time.next(), false);
});

Deno.test("Clock rings every alarm among many different delays", () => {
  using time = new FakeTime();
  const clock = new Clock();
  const rung: string[] = [];
  for (let delay = 1; delay <= 200; delay++) {
    const one = alarm(delay, rung, `${delay}`);
    clock.set(one);
    if (delay % 5 !== 0) clock.clear(one);
  }
  time.tick(200);
  assertEquals(rung, Array.from({ length: 40 }, (_, i) => `${5 * i + 5}`));
  assertEquals(time.next(), false);
});

Deno.test("Clock keeps ringing after an alarm that throws", () => {
  using time = new FakeTime();
  const clock = new Clock();
  const rung: string[] = [];
  clock.set(alarm(10, rung, "one", () => {
    throw new Error("broken");
  }));
  clock.set(alarm(10, rung, "other"));
  clock.set(alarm(20, rung, "later"));
  assertThrows(() => time.tick(10), Error, "broken");
  time.tick(10);
  assertEquals(rung, ["one", "other", "later"]);
});
