import { getEventListeners } from "node:events";
import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { closeOnAbort, orAborted, withDeadline } from "../../../transport/base/deadline.ts";

/** Work that ends only when its signal is aborted. */
function endless(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(new Error("given up")));
  });
}

Deno.test("withDeadline() settles as the work does, and leaves no timer", async () => {
  assertEquals(await withDeadline({ timeout: 60_000 }, () => Promise.resolve(7)), 7);
  assertEquals(await withDeadline({ timeout: Infinity }, () => Promise.resolve(7)), 7);
  const error = new Error("failed");
  const failed = await assertRejects(() =>
    withDeadline({ timeout: 60_000 }, () => Promise.reject(error))
  );
  assertStrictEquals(failed, error);
});

Deno.test("withDeadline() rejects with its own error when time is up, whatever the work rejects with", async () => {
  const error = await assertRejects(() => withDeadline({ timeout: 1 }, endless), DOMException);
  assertEquals(error.name, "TimeoutError");
  assertEquals(error.message, "no answer within 1 ms");
});

Deno.test("withDeadline() rejects with the error that `tooLate` creates", async () => {
  const tooLate = (timeout: number) => new RangeError(`${timeout} ms have passed`);
  await assertRejects(
    () => withDeadline({ timeout: 1, tooLate }, endless),
    RangeError,
    "1 ms have passed",
  );
});

Deno.test("withDeadline() rejects with the reason of its signal", async () => {
  const controller = new AbortController();
  const { signal } = controller;
  const reason = new Error("no more");
  const refused = assertRejects(() => withDeadline({ timeout: 60_000, signal }, endless));
  controller.abort(reason);
  assertStrictEquals(await refused, reason);
});

Deno.test("withDeadline() does not begin the work if its signal is aborted already", async () => {
  const reason = new Error("no more");
  let begun = 0;
  const refused = await assertRejects(() =>
    withDeadline({ timeout: 60_000, signal: AbortSignal.abort(reason) }, () => {
      return Promise.resolve(begun++);
    })
  );
  assertStrictEquals(refused, reason);
  assertEquals(begun, 0);
});

const WAITS: { name: string; wait: (signal: AbortSignal, on: Promise<void>) => Promise<void> }[] = [
  {
    name: "withDeadline",
    wait: (signal, on) => withDeadline({ timeout: 60_000, signal }, () => on),
  },
  { name: "closeOnAbort", wait: (signal, on) => closeOnAbort(signal, () => {}, on) },
  { name: "orAborted", wait: (signal, on) => orAborted(on, signal) },
];
for (const { name, wait } of WAITS) {
  Deno.test(`${name}() leaves no listener at a signal that lives on`, async () => {
    const { signal } = new AbortController();
    const waits = [wait(signal, Promise.resolve()), wait(signal, Promise.reject(new Error("no")))];
    assertEquals(getEventListeners(signal, "abort").length, 2);
    await Promise.allSettled(waits);
    assertEquals(getEventListeners(signal, "abort").length, 0);
  });
}

Deno.test("closeOnAbort() closes once, when the signal is aborted or the promise rejects", async () => {
  let closed = 0;
  const close = () => void closed++;
  const controller = new AbortController();
  const { signal } = controller;
  assertEquals(await closeOnAbort(signal, close, Promise.resolve(1)), 1);
  assertEquals(closed, 0);
  await assertRejects(() => closeOnAbort(signal, close, Promise.reject(new Error())));
  assertEquals(closed, 1);
  const waiting = closeOnAbort(signal, close, Promise.resolve(1));
  controller.abort();
  await waiting;
  assertEquals(closed, 2);
  await closeOnAbort(signal, close, Promise.resolve(1));
  assertEquals(closed, 3);
  assertEquals(await closeOnAbort(undefined, close, Promise.resolve(1)), 1);
  assertEquals(closed, 3);
});

Deno.test("closeOnAbort() rejects with the reason of its signal, if the promise rejects after it", async () => {
  const controller = new AbortController();
  const { promise, reject } = Promise.withResolvers<never>();
  const refused = assertRejects(() =>
    closeOnAbort(controller.signal, () => reject(new Error("closed")), promise)
  );
  const reason = new Error("no more");
  controller.abort(reason);
  assertStrictEquals(await refused, reason);
});

Deno.test("orAborted() settles as the promise does, or rejects when its signal is aborted", async () => {
  const controller = new AbortController();
  const { signal } = controller;
  assertEquals(await orAborted(Promise.resolve(1), signal), 1);
  await assertRejects(
    () => orAborted(Promise.reject(new Error("failed")), signal),
    Error,
    "failed",
  );
  const refused = assertRejects(() => orAborted(new Promise(() => {}), signal));
  const reason = new Error("no more");
  controller.abort(reason);
  assertStrictEquals(await refused, reason);
  assertStrictEquals(await assertRejects(() => orAborted(new Promise(() => {}), signal)), reason);
});
