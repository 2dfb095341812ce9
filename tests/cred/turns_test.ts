import { assertEquals, assertRejects } from "@std/assert";
import { Turns } from "../../cred/turns.ts";

/** Waits until all promises that can settle have done so. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 0));
}

Deno.test("Turns starts attempts up to its limit, and the others as places become free", async () => {
  const turns = new Turns();
  let most = 2;
  let begun = 0;
  for (let i = 0; i < 10; i++) turns.enter((underWay) => underWay < most).then(() => begun++);
  await settle();
  assertEquals(begun, 2);
  turns.leave();
  await settle();
  assertEquals(begun, 3);
  most = 5;
  turns.leave();
  await settle();
  assertEquals(begun, 2 + 5, "an attempt that ends makes room for all that may begin now");
  most = 0;
  for (const expected of [7, 7, 7, 7, 8, 9, 10, 10]) {
    turns.leave();
    await settle();
    assertEquals(begun, expected, "without free places, one attempt runs at a time");
  }
  assertEquals(turns.isIdle, true);
});

Deno.test("Turns is idle when no attempt is running or waiting", async () => {
  const turns = new Turns();
  assertEquals(turns.isIdle, true);
  await turns.enter(() => false);
  const second = turns.enter(() => false);
  turns.leave();
  assertEquals(turns.isIdle, false);
  await second;
  turns.leave();
  assertEquals(turns.isIdle, true);
});

Deno.test("Turns drops a waiting attempt that is aborted, and passes its turn on", async () => {
  const turns = new Turns();
  const never = () => false;
  await turns.enter(never);
  const patience = new AbortController();
  const impatient = turns.enter(never, patience.signal);
  let isIn = false;
  const patient = turns.enter(never).then(() => isIn = true);
  await settle();
  assertEquals(turns.waiting, 2);
  // In the same turn, so that the aborted attempt may be the one that is woken.
  turns.leave();
  patience.abort(new Error("too long"));
  await assertRejects(() => impatient, Error, "too long");
  await patient;
  assertEquals([isIn, turns.waiting], [true, 0]);
  await assertRejects(() => turns.enter(never, patience.signal), Error, "too long");
  turns.leave();
  assertEquals(turns.isIdle, true);
});

Deno.test("Turns starts attempts in the order of their arrival, even after some could not begin", async () => {
  const turns = new Turns();
  let most = 2;
  const begun: string[] = [];
  const arrive = (name: string) =>
    void turns.enter((underWay) => underWay < most).then(() => begun.push(name));
  for (const name of ["a", "b", "c", "d"]) arrive(name);
  most = 1;
  // One is under way still, so the first that waits cannot begin yet.
  turns.leave();
  await settle();
  arrive("e");
  for (let i = 0; i < 4; i++) {
    turns.leave();
    await settle();
  }
  assertEquals(begun, ["a", "b", "c", "d", "e"]);
  assertEquals(turns.isIdle, true);
});
