import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Gate } from "../../cred/_gate.ts";
import { LoginDenied } from "../../cred/mod.ts";

Deno.test("Gate runs a few jobs at once, queues some in order, and refuses the rest", async () => {
  const gate = new Gate(2, 2);
  const log: string[] = [];
  const jobs = ["a", "b", "c", "d"].map((name) => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const done = gate.run(() => {
      log.push(name);
      return promise;
    });
    return { done, finish: () => resolve(name) };
  });
  assertEquals(log, ["a", "b"]);
  await assertRejects(() => gate.run(() => Promise.resolve()), LoginDenied, "too many logins");

  jobs[1]!.finish();
  assertEquals(await jobs[1]!.done, "b");
  assertEquals(log, ["a", "b", "c"]);
  for (const { finish } of jobs) finish();
  assertEquals(await Promise.all(jobs.map(({ done }) => done)), ["a", "b", "c", "d"]);
  assertEquals(await gate.run(() => Promise.resolve("e")), "e");
});

Deno.test("Gate passes on the error of a job, and runs the next one", async () => {
  const gate = new Gate(1, 1);
  const failing = gate.run(() => Promise.reject(new Error("job")));
  const next = gate.run(() => Promise.resolve("next"));
  await assertRejects(() => failing, Error, "job");
  assertEquals(await next, "next");
  const thrown = gate.run(() => {
    throw new Error("at once");
  });
  await assertRejects(() => thrown, Error, "at once");
  assertEquals(await gate.run(() => Promise.resolve("again")), "again");
});

Deno.test("Gate drops an aborted job from its queue without running it", async () => {
  const gate = new Gate(1, 2);
  const first = Promise.withResolvers<void>();
  const done: string[] = [];
  const running = gate.run(() => first.promise);
  const wanted = { a: true, b: true, c: true };
  const run = (name: keyof typeof wanted) =>
    gate.run(() => Promise.resolve(void done.push(name)), () => wanted[name]);
  const [a, b] = [run("a"), run("b")];
  await assertRejects(() => run("c"), LoginDenied, "too many logins");
  wanted.a = false;
  const c = run("c");
  await assertRejects(() => a, LoginDenied, "nobody is waiting");
  wanted.b = false;
  first.resolve();
  await assertRejects(() => b, LoginDenied, "nobody is waiting");
  await Promise.all([running, c]);
  assertEquals(done, ["c"]);
});

Deno.test("Gate() refuses invalid limits", () => {
  for (const [atOnce, waiting] of [[0, 1], [-1, 1], [1.5, 1], [1, -1], [1, NaN]]) {
    assertThrows(() => new Gate(atOnce!, waiting!), RangeError);
  }
  new Gate(1, 0);
});
