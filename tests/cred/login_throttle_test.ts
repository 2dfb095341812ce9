import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  type AvatarGrant,
  CredInterface,
  limitExchange,
  limitLogin,
  LoginDenied,
  type LoginFacts,
  LoginThrottle,
  UnauthorizedLogin,
} from "../../cred/mod.ts";

/** A throttle whose clock moves only when a test sets it. */
class Bench {
  now = 0;
  readonly throttle: LoginThrottle;

  constructor(options: ConstructorParameters<typeof LoginThrottle>[0] = {}) {
    this.throttle = new LoginThrottle({ clock: () => this.now, ...options });
  }

  /** Makes an attempt; returns the milliseconds it has to wait, or 0 if it passes. */
  wait(facts: LoginFacts): number {
    try {
      this.throttle.check(facts);
      return 0;
    } catch (error) {
      assert(error instanceof LoginDenied);
      return error.retryAfter!;
    }
  }

  fail(facts: LoginFacts, times = 1): void {
    for (let i = 0; i < times; i++) this.throttle.failed(facts);
  }
}

/** A limiter that admits everybody. */
const OPEN = { check() {}, failed() {}, succeeded() {} };
const ALICE = { address: "192.0.2.1", username: "alice" };
const HOUR = 60 * 60_000;

Deno.test("LoginThrottle allows some failures, then doubles the wait with each further one", () => {
  const bench = new Bench();
  for (let i = 0; i < 5; i++) {
    assertEquals(bench.wait(ALICE), 0);
    bench.fail(ALICE);
  }
  const waits: number[] = [];
  for (let i = 0; i < 12; i++) {
    const wait = bench.wait(ALICE);
    waits.push(wait / 1000);
    bench.now += wait;
    assertEquals(bench.wait(ALICE), 0);
    bench.fail(ALICE);
  }
  // Not quite doubled, as failures are forgiven over time.
  assertEquals(waits.slice(0, 6).map(Math.round), [1, 2, 4, 8, 16, 31]);
  assert(waits.slice(1).every((wait, i) => wait > waits[i]!), String(waits));
  assert(waits.at(-1)! > 300 && waits.every((wait) => wait <= 15 * 60), String(waits));
});

Deno.test("LoginThrottle never imposes a wait longer than maxDelay", () => {
  const bench = new Bench({ maxDelay: 3000 });
  bench.fail(ALICE, 2000);
  assertEquals(bench.wait(ALICE), 3000);
});

Deno.test("LoginThrottle admits one attempt at a time when the allowance is used up", () => {
  const bench = new Bench({ allowances: { pair: 2 } });
  assertEquals([bench.wait(ALICE), bench.wait(ALICE), bench.wait(ALICE)], [0, 0, 0]);
  bench.fail(ALICE, 2);
  bench.now += 1000;
  assertEquals(bench.wait(ALICE), 0);
  assert(bench.wait(ALICE) > 0, "while the first one is made");
});

Deno.test("LoginThrottle does not count attempts that it denied", () => {
  const bench = new Bench({ allowances: { pair: 1 } });
  bench.fail(ALICE);
  for (let i = 0; i < 100; i++) assertEquals(bench.wait(ALICE), 1000);
  bench.now += 1000;
  assertEquals(bench.wait(ALICE), 0);
});

Deno.test("LoginThrottle forgives failures evenly over its window", () => {
  const bench = new Bench({ allowances: { pair: 4 }, window: HOUR });
  bench.fail(ALICE, 4);
  bench.now += HOUR / 4;
  bench.fail(ALICE, 1); // one of the four was forgiven, so this makes four again
  assertEquals(bench.wait(ALICE), 1000);
  bench.now += HOUR / 2;
  bench.fail(ALICE, 1); // two more were forgiven, so this makes three
  assertEquals(bench.wait(ALICE), 0);
  bench.now += HOUR;
  assertEquals(bench.wait(ALICE), 0);
  assertEquals(bench.throttle.size, 0);
});

Deno.test("LoginThrottle keeps a wait that is longer than its window", () => {
  const bench = new Bench({ allowances: { pair: 1 }, window: 100, firstDelay: 1000 });
  bench.fail(ALICE);
  bench.now += 500;
  assertEquals(bench.wait(ALICE), 500);
  bench.now += 500;
  assertEquals(bench.wait(ALICE), 0);
});

Deno.test("LoginThrottle counts each pair of user and address separately", () => {
  const bench = new Bench();
  bench.fail(ALICE, 5);
  assert(bench.wait(ALICE) > 0);
  assertEquals(bench.wait({ ...ALICE, username: "bob" }), 0);
  assertEquals(bench.wait({ ...ALICE, address: "192.0.2.2" }), 0);
  assertEquals(bench.wait({ address: ALICE.address }), 0);
  assertEquals(bench.wait({ username: "alice" }), 0);
});

Deno.test("LoginThrottle denies an address that tries many users", () => {
  const bench = new Bench();
  for (let i = 0; i < 50; i++) bench.fail({ address: "192.0.2.1", username: `user${i}` });
  assert(bench.wait({ address: "192.0.2.1", username: "another" }) > 0);
  assert(bench.wait({ address: "192.0.2.1" }) > 0, "anonymous as well");
  assertEquals(bench.wait({ address: "192.0.2.2", username: "user1" }), 0);
});

Deno.test("LoginThrottle denies many addresses that try one user, unless configured otherwise", () => {
  const addresses = Array.from({ length: 200 }, (_, i) => `192.0.2.${i}`);
  const bench = new Bench();
  const open = new Bench({ allowances: { user: Infinity } });
  for (const address of addresses) {
    bench.fail({ address, username: "alice" });
    open.fail({ address, username: "alice" });
  }
  assert(bench.wait({ address: "198.51.100.1", username: "alice" }) > 0);
  assertEquals(open.wait({ address: "198.51.100.1", username: "alice" }), 0);
});

Deno.test("LoginThrottle clears the failures of a user who logs in, but not those of the address", () => {
  const bench = new Bench({ allowances: { pair: 3, address: 6, user: 6 } });
  bench.fail(ALICE, 2);
  bench.throttle.succeeded(ALICE);
  bench.fail(ALICE, 2);
  assertEquals(bench.wait(ALICE), 0);
  bench.throttle.succeeded(ALICE);
  bench.fail(ALICE, 2);
  assert(bench.wait(ALICE) > 0, "six failures of the address");
  assertEquals(bench.wait({ ...ALICE, address: "192.0.2.2" }), 0);
});

Deno.test("LoginThrottle works when the user name or address is missing", () => {
  const bench = new Bench({ allowances: { pair: 1 } });
  bench.fail({});
  assertEquals([bench.wait({}), bench.throttle.size], [0, 0]);
  bench.fail({ username: "alice" });
  assert(bench.wait({ username: "alice" }) > 0);
  assertEquals(bench.wait(ALICE), 0);
});

Deno.test("LoginThrottle remembers a bounded number of names, and shortens long ones", () => {
  const bench = new Bench({ maxEntries: 10, allowances: { pair: 1, address: 100_000 } });
  bench.fail({ address: "192.0.2.1", username: "first" });
  for (let i = 0; i < 1000; i++) bench.fail({ address: "192.0.2.1", username: `user${i}` });
  assertEquals(bench.throttle.size, 10 + 10 + 1);
  assertEquals(bench.wait({ address: "192.0.2.1", username: "first" }), 0, "forgotten");
  assert(bench.wait({ address: "192.0.2.1", username: "user999" }) > 0);

  const long = { address: "192.0.2.1", username: "x".repeat(600_000) };
  bench.fail(long);
  assert(bench.wait(long) > 0);
  assertEquals(bench.wait({ ...long, username: long.username + "x" }), 0);
});

Deno.test("LoginThrottle forgets the least recently counted names first", () => {
  const bench = new Bench({ maxEntries: 2, allowances: { pair: 1 } });
  const [a, b, c] = ["a", "b", "c"].map((username) => ({ ...ALICE, username }));
  bench.fail(a!);
  bench.fail(b!);
  bench.fail(a!);
  bench.fail(c!);
  assert(bench.wait(a!) > 0);
  assertEquals(bench.wait(b!), 0);
  assert(bench.wait(c!) > 0);
});

const GRANT: AvatarGrant = [new CredInterface("I"), {}, () => {}];

/** Logs in many times at once; returns how many attempts were made, and how many were denied. */
async function rush(
  throttle: LoginThrottle,
  { facts = () => ALICE, times = 100, outcome = () => Promise.reject(new UnauthorizedLogin()) }: {
    facts?: (i: number) => LoginFacts;
    times?: number;
    outcome?: () => Promise<AvatarGrant>;
  } = {},
): Promise<{ made: number; denied: number }> {
  let made = 0;
  const attempt = () => {
    made++;
    return new Promise<AvatarGrant>((resolve) => setTimeout(() => resolve(outcome()), 0));
  };
  const all = await Promise.allSettled(
    Array.from(
      { length: times },
      (_, i) => limitLogin(attempt, { limiter: throttle, ...facts(i) }),
    ),
  );
  const denied = all.filter((one) =>
    one.status === "rejected" && one.reason instanceof LoginDenied
  );
  return { made, denied: denied.length };
}

Deno.test("LoginThrottle admits no more simultaneous guesses than successive ones", async () => {
  const { throttle } = new Bench();
  assertEquals(await rush(throttle), { made: 5, denied: 95 });
  const many = (i: number) => ({ ...ALICE, username: `user${i}` });
  assertEquals(await rush(throttle, { facts: many }), { made: 45, denied: 55 });
  const everywhere = (i: number) => ({ username: "bob", address: `198.51.100.${i}` });
  assertEquals(await rush(throttle, { facts: everywhere, times: 250 }), { made: 200, denied: 50 });
});

Deno.test("LoginThrottle denies no attempt with the right password, however many come at once", async () => {
  const { throttle } = new Bench();
  const outcome = () => Promise.resolve(GRANT);
  assertEquals(await rush(throttle, { outcome, times: 300 }), { made: 300, denied: 0 });
  throttle.failed(ALICE);
  assertEquals(await rush(throttle, { outcome }), { made: 100, denied: 0 });
});

Deno.test("LoginThrottle does not count attempts that could not be checked", async () => {
  const { throttle } = new Bench();
  const outcome = () => Promise.reject(new Error("no database"));
  assertEquals(await rush(throttle, { outcome }), { made: 100, denied: 0 });
  assertEquals(throttle.size, 0);
});

Deno.test("LoginThrottle.enter() admits everybody at once with infinite allowances", async () => {
  const { throttle } = new Bench({
    allowances: { pair: Infinity, address: Infinity, user: Infinity },
  });
  const all = await Promise.all(Array.from({ length: 50 }, () => throttle.enter(ALICE)));
  for (const leave of all) leave();
});

Deno.test("LoginThrottle.enter() stops waiting and keeps no place when its signal aborts", async () => {
  const { throttle } = new Bench({ allowances: { pair: 2, address: 2, user: 2 } });
  const leave = [await throttle.enter(ALICE), await throttle.enter(ALICE)];
  const patience = new AbortController();
  const elsewhere = { ...ALICE, address: "192.0.2.2" };
  const waiting = [ALICE, elsewhere].map((facts) => throttle.enter(facts, patience.signal));
  const gone = new Error("gone");
  patience.abort(gone);
  for (const one of waiting) assertStrictEquals(await one.catch((error) => error), gone);
  leave.forEach((leave) => leave());
  for (const facts of [ALICE, elsewhere]) {
    const all = [await throttle.enter(facts), await throttle.enter(facts)];
    for (const leave of all) leave();
  }
});

Deno.test("LoginThrottle.enter() does not delay other users and addresses behind those that wait", async () => {
  const { throttle } = new Bench({ allowances: { pair: 2, address: 10, user: 10 } });
  const end = new AbortController();
  const many = Array.from({ length: 100 }, () => throttle.enter(ALICE, end.signal));
  const others = [{ ...ALICE, username: "bob" }, { ...ALICE, address: "192.0.2.2" }];
  for (const facts of others) (await throttle.enter(facts))();
  end.abort(new Error("enough"));
  for (const leave of await Promise.all(many.slice(0, 2))) leave();
  assertEquals((await Promise.allSettled(many.slice(2))).map(({ status }) => status), [
    ...Array(98).fill("rejected"),
  ]);
});

Deno.test("LoginThrottle.enter() denies an attempt when a thousand already wait", async () => {
  const { throttle } = new Bench({ allowances: { pair: 1 } });
  const leave = await throttle.enter(ALICE);
  const end = new AbortController();
  const waiting = Array.from({ length: 1000 }, () => throttle.enter(ALICE, end.signal));
  await assertRejects(() => throttle.enter(ALICE), LoginDenied, "too many attempts at once");
  (await throttle.enter({ ...ALICE, username: "bob" }))();
  end.abort(new Error("enough"));
  await Promise.allSettled(waiting);
  leave();
  (await throttle.enter(ALICE))();
});

Deno.test("LoginThrottle.enter() does not queue an attempt that will be denied anyway", async () => {
  const bench = new Bench({ allowances: { pair: 1 } });
  bench.fail(ALICE);
  bench.now += 1000;
  const leave = await bench.throttle.enter(ALICE);
  assertEquals(bench.wait(ALICE), 0);
  const leaveToo = await bench.throttle.enter(ALICE, AbortSignal.timeout(5000));
  assert(bench.wait(ALICE) > 0);
  leaveToo();
  leave();
});

Deno.test("LoginThrottle.enter() keeps one attempt at a time when an earlier one was aborted", async () => {
  const { throttle } = new Bench({ allowances: { pair: 1 } });
  const leave = await throttle.enter(ALICE);
  const gone = throttle.enter(ALICE, AbortSignal.abort(new Error("gone")));
  leave();
  const entered = throttle.enter(ALICE);
  await assertRejects(() => gone, Error, "gone");
  const leaveLast = await entered;
  let isIn = false;
  const waiting = throttle.enter(ALICE).then((leave) => {
    isIn = true;
    leave();
  });
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert(!isIn);
  leaveLast();
  await waiting;
});

Deno.test("limitExchange() keeps no place for an attempt that failed while it waited", async () => {
  const { throttle: limiter } = new Bench({ allowances: { pair: 1 } });
  const leave = await limiter.enter(ALICE);
  const timeout = new Error("the directory does not answer");
  await assertRejects(
    () =>
      limitExchange((admit) => {
        admit().catch(() => {});
        return Promise.reject(timeout);
      }, { limiter, ...ALICE }),
    Error,
    timeout.message,
  );
  leave();
  (await limiter.enter(ALICE))();
  // A limiter that ignores the signal gets its place back later.
  const place = Promise.withResolvers<() => void>();
  let left = 0;
  const deaf = { ...OPEN, enter: () => place.promise };
  const attempt = limitExchange((admit) => {
    admit().catch(() => {});
    return Promise.reject(timeout);
  }, { limiter: deaf, ...ALICE });
  await attempt.catch(() => {});
  place.resolve(() => left++);
  await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals(left, 1);
});

Deno.test("LoginThrottle clears failures only if the successful login has the spelling that failed", async () => {
  const bench = new Bench();
  const spelled = { ...ALICE, username: "ALICE" };
  bench.fail(ALICE, 5);
  bench.throttle.succeeded(spelled);
  assert(bench.wait(ALICE) > 0, "somebody else may have that name");
  bench.throttle.succeeded(ALICE);
  assertEquals(bench.wait(ALICE), 0);
  bench.fail(ALICE, 4);
  bench.now += 1;
  assertEquals((await rush(bench.throttle)).made, 1, "a failure that is not quite forgiven counts");
});

Deno.test("LoginThrottle clears nothing for one spelling when several spellings have failed", () => {
  const bench = new Bench();
  bench.fail(ALICE, 1);
  bench.fail({ ...ALICE, username: "ALICE" }, 4);
  bench.throttle.succeeded(ALICE);
  assert(bench.wait(ALICE) > 0, "the owner of one name may have guessed for the other");
});

const NETWORKS = [
  { one: "2001:db8::1", other: "2001:0DB8:0:0:ffff:ffff:ffff:ffff", same: true },
  { one: "2001:db8:0:1::1", other: "2001:db8:0:2::1", same: false },
  { one: "1:2::3:4:5:6:7", other: "1:2:0:3::", same: true },
  { one: "1:2::3:4:5:6:7", other: "1:2::", same: false },
  { one: "::1", other: "::", same: true },
  { one: "fe80::1%eth0", other: "fe80::2%eth1", same: true },
  { one: "::ffff:192.0.2.1", other: "192.0.2.1", same: true },
  { one: "::ffff:192.0.2.1", other: "::ffff:192.0.2.2", same: false },
  { one: "::FFFF:c000:201", other: "192.0.2.1", same: true },
  { one: "0:0:0:0:0:ffff:192.0.2.1", other: "::ffff:192.0.2.1", same: true },
  { one: "0:0:0:0:0:ffff:c000:0201", other: "0:0:0:0:0:ffff:c000:0202", same: false },
  { one: "192.0.2.1", other: "192.0.2.2", same: false },
];
for (const { one, other, same } of NETWORKS) {
  Deno.test(`LoginThrottle counts addresses ${one} and ${other} ${same ? "together" : "apart"}`, () => {
    const bench = new Bench({ allowances: { address: 1 } });
    bench.fail({ address: one });
    assertEquals(bench.wait({ address: other }) > 0, same);
  });
}

Deno.test("LoginThrottle() refuses options that are not positive numbers", () => {
  for (const value of [0, -1, NaN]) {
    for (const name of ["firstDelay", "maxDelay", "window", "maxEntries"]) {
      assertThrows(() => new LoginThrottle({ [name]: value }), RangeError, name);
    }
    for (const name of ["pair", "address", "user"]) {
      assertThrows(() => new LoginThrottle({ allowances: { [name]: value } }), RangeError, name);
    }
  }
});

Deno.test("LoginThrottle() uses the system clock by default", () => {
  const throttle = new LoginThrottle({ allowances: { pair: 1 } });
  throttle.check(ALICE);
  throttle.failed(ALICE);
  assertThrows(() => throttle.check(ALICE), LoginDenied);
});

Deno.test("LoginThrottle counts together the spellings that checkers accept for one user", () => {
  const spellings = [
    "alice",
    "al\u00adice",
    "ali\u200bce",
    "\uff41lice",
    "ALICE",
    "a\u00adl\u00adice",
  ];
  const bench = new Bench();
  for (const username of spellings) bench.fail({ ...ALICE, username });
  for (const username of spellings) assert(bench.wait({ ...ALICE, username }) > 0, username);
  assertEquals(bench.wait({ ...ALICE, username: "bob" }), 0);
});
