// Results that are arguments of other calls before they have arrived.

import { assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import {
  Avatar,
  Cacheable,
  callOptions,
  CallTimeoutError,
  Copyable,
  Float,
  IPerspective,
  type Kwargs,
  kwargs,
  NoSuchMethod,
  PBConnectionLost,
  PBError,
  Referenceable,
  RemoteCache,
  type RemoteCacheObserver,
  RemoteCopy,
  type RemotePromise,
  type RemoteReference,
  Root,
  Viewable,
  ViewPoint,
} from "@perspective/broker";
import { Portal, UsernamePassword } from "@perspective/broker/cred";
import { InMemoryUsernamePasswordDatabaseDontUse } from "@perspective/broker/cred";
import { JellyError, JellyRegistry } from "@perspective/broker/jelly";
import { settle, testPair } from "../pair.ts";
import { rawServer } from "../raw_peer.ts";

class Account extends Referenceable {
  constructor(readonly owner: string, public balance: number = 100) {
    super();
  }
  remote_balance(): number {
    return this.balance;
  }
}

class NoCredit extends PBError {
  static override readonly jellyName = "bank.NoCredit";
}

class Bank extends Root {
  readonly accounts = new Map<string, Account>();
  readonly notes: string[] = [];
  /** Resolves when the bank opens. */
  readonly open = Promise.withResolvers<void>();
  /** What `value` returns, and what `take` was passed. */
  value: unknown;
  taken: unknown[] = [];

  remote_account(owner: string): Account {
    const account = this.accounts.get(owner) ?? new Account(owner);
    this.accounts.set(owner, account);
    return account;
  }
  async remote_later(owner: string): Promise<Account> {
    await this.open.promise;
    return this.remote_account(owner);
  }
  remote_owner(): string {
    return "alice";
  }
  remote_transfer(from: Account, to: Account, amount: number): number[] {
    from.balance -= amount;
    to.balance += amount;
    return [from.balance, to.balance];
  }
  remote_note(text: string): void {
    this.notes.push(text);
  }
  remote_value(): unknown {
    return this.value;
  }
  remote_take(...args: unknown[]): string {
    this.taken = args;
    return "taken";
  }
  remote_named(kw: Kwargs<{ account?: Account; text?: string }> = kwargs({})): string {
    return `${kw.account?.owner} ${kw.text}`;
  }
  remote_refuse(): Account {
    throw new NoCredit("not today");
  }
}

Deno.test("callRemote() passes on results that have not arrived, in one write", async () => {
  const bank = new Bank();
  await using pair = await testPair(bank);
  const root = pair.client.root<Bank>();
  const from = root.pipeline("later", "alice");
  const to = root.pipeline("later", "bob");
  const moved = root.callRemote("transfer", from, to, 10);
  await settle();
  // The server has all three, although nothing was answered.
  assertEquals([pair.server.counts.callsIn, pair.client.counts.callsOut], [3, 3]);
  bank.open.resolve();
  assertEquals(await moved, [90, 110]);
  // And now that they have arrived.
  assertEquals(await root.remote.transfer(from, to, 10), [80, 120]);
  using _from = await from;
  using _to = await to;
  assertEquals(pair.server.counts.promisedResults, 0);
});

Deno.test("callRemote() passes on keyword arguments, and to results and their methods", async () => {
  await using pair = await testPair(new Bank());
  const root = pair.client.root<Bank>();
  const named = { account: root.pipeline("account", "bob"), text: root.pipeline("owner") };
  assertEquals(await root.callRemote("named", kwargs(named)), "bob alice");
  // The name is the result of one call, the account that of another one.
  using account = root.pipeline("account", root.pipeline("owner"));
  assertEquals(await account.callRemote("balance"), 100);
  assertEquals((await account).luid, await root.callRemote("account", "alice").then((a) => a.luid));
});

Deno.test("callRemote() passes on a result to a call without an answer", async () => {
  const bank = new Bank();
  await using pair = await testPair(bank);
  const root = pair.client.root<Bank>();
  await root.callRemote("note", root.pipeline("owner"), callOptions({ answer: false }));
  await settle();
  assertEquals(bank.notes, ["alice"]);
});

const VALUES: [name: string, value: unknown, arrives: unknown][] = [
  ["nothing", undefined, null],
  ["null", null, null],
  ["a number", -0, -0],
  ["NaN", NaN, NaN],
  ["a small bigint", 7n, 7],
  ["the largest safe bigint", 2n ** 53n - 1n, 2 ** 53 - 1],
  ["a large bigint", -(2n ** 53n), -(2n ** 53n)],
  ["a float", new Float(1), 1],
  ["a boolean", false, false],
  ["a text", "grüß", "grüß"],
];
for (const [name, value, arrives] of VALUES) {
  Deno.test(`callRemote() passes on ${name} as it would arrive if it were sent back`, async () => {
    const bank = new Bank();
    await using pair = await testPair(bank);
    const root = pair.client.root<Bank>();
    bank.value = value;
    for (const isAwaited of [false, true]) {
      const result = root.pipeline("value");
      if (isAwaited) await result;
      assertEquals(await root.callRemote("take", result, 7), "taken");
      assertEquals(bank.taken, [arrives, 7]);
      await root.callRemote("take", await result, 7);
      assertEquals(bank.taken, [arrives, 7]);
    }
  });
}

class Picture extends Copyable {
  static readonly jellyName = "passed.Picture";
}
const OTHERS: [name: string, value: unknown][] = [
  ["bytes", Uint8Array.of(1, 2)],
  ["a list", ["x"]],
  ["a dictionary", { x: 1 }],
  ["a copy", new Picture()],
];
for (const [name, value] of OTHERS) {
  Deno.test(`callRemote() does not pass on ${name}, whether it has arrived or not`, async () => {
    const registry = new JellyRegistry();
    registry.setUnjellyableForClass("passed.Picture", class extends RemoteCopy {});
    const bank = new Bank();
    await using pair = await testPair(bank, { client: { registry } });
    const root = pair.client.root<Bank>();
    bank.value = value;
    for (const isAwaited of [false, true]) {
      const result = root.pipeline("value");
      if (isAwaited) await result;
      await assertRejects(
        () => root.callRemote("take", result),
        PBError,
        "Cannot pass on the result of a call: it is no reference, text, number, boolean or null; await it",
      );
      await result;
    }
    assertEquals([bank.taken, pair.serverLog], [[], []]);
  });
}

Deno.test("callRemote() passes on views and avatars as if they were sent home", async () => {
  class Page extends Viewable {
    view_text(): string {
      return "text";
    }
  }
  class User extends Avatar {
    readonly page = new Page();
    taken: unknown;
    perspective_page(): Page {
      return this.page;
    }
    perspective_take(value: unknown): void {
      this.taken = value;
    }
  }
  const user = new User();
  const portal = new Portal({ requestAvatar: () => [IPerspective, user, () => {}] }, [
    new InMemoryUsernamePasswordDatabaseDontUse({ alice: "secret" }),
  ]);
  await using pair = await testPair(portal);
  const avatar = await pair.client.login<User>(new UsernamePassword("alice", "secret"));
  await avatar.callRemote("take", avatar.pipeline("page"));
  assertInstanceOf(user.taken, ViewPoint);
  assertStrictEquals(user.taken.object, user.page);
  assertStrictEquals(user.taken.perspective, user);
});

Deno.test("callRemote() fails with the error of a call whose result it passes on", async () => {
  const bank = new Bank();
  await using pair = await testPair(bank);
  const root = pair.client.root<Bank>();
  const refused = root.pipeline("refuse");
  const calls = [
    root.callRemote("transfer", root.pipeline("account", "bob"), refused, 1),
    root.callRemote("named", kwargs({ account: refused })),
    root.pipeline("account", refused as never).callRemote("balance"),
  ];
  for (const call of calls) {
    const error = await assertRejects(() => call, PBError, "not today");
    assertEquals((error as { remoteType?: string }).remoteType, "bank.NoCredit");
  }
  await assertRejects(() => root.callRemote("transfer", refused, refused, 1), PBError, "not today");
  await assertRejects(() => refused, PBError);
  // Such an error is to be expected, and is in no log.
  assertEquals(pair.serverLog, []);
});

Deno.test("callRemote() that waits for a result does not hold up later calls", async () => {
  const bank = new Bank();
  await using pair = await testPair(bank);
  const root = pair.client.root<Bank>();
  const account = root.pipeline("later", "alice");
  const waits = root.callRemote("take", account);
  await root.callRemote("note", "meanwhile");
  assertEquals([bank.notes, bank.taken], [["meanwhile"], []]);
  bank.open.resolve();
  await waits;
  assertStrictEquals(bank.taken[0], bank.accounts.get("alice"));
});

Deno.test("callRemote() passes on an object that was given back meanwhile", async () => {
  const bank = new Bank();
  await using pair = await testPair(bank);
  const root = pair.client.root<Bank>();
  const bob = root.pipeline("account", "bob");
  const alice = root.pipeline("later", "alice");
  const moved = root.callRemote("transfer", bob, alice, 1);
  (await bob).release();
  await settle();
  bank.open.resolve();
  assertEquals(await moved, [99, 101]);
});

for (const isAwaited of [false, true]) {
  Deno.test(
    `callRemote() does not pass on a result that was released, ${
      isAwaited ? "after" : "before"
    } it has arrived`,
    async () => {
      const bank = new Bank();
      await using pair = await testPair(bank);
      const root = pair.client.root<Bank>();
      const [account, owner] = [root.pipeline("account", "bob"), root.pipeline("owner")];
      if (isAwaited) await Promise.all([account, owner]);
      account.release();
      owner.release();
      await assertRejects(
        () => root.callRemote("take", 1, account),
        JellyError,
        "Cannot send args[1]: the result was released",
      );
      await assertRejects(
        () => root.callRemote("named", kwargs({ text: owner })),
        JellyError,
        "Cannot send kwargs.text: the result was released",
      );
      await Promise.all([account, owner]);
      assertEquals(bank.taken, []);
    },
  );
}

Deno.test("callRemote() passes on the result of a call over another connection once it has arrived", async () => {
  const bank = new Bank();
  await using one = await testPair(bank);
  await using other = await testPair(bank);
  const owner = one.client.root<Bank>().pipeline("owner");
  await other.client.root<Bank>().callRemote("note", owner);
  assertEquals(bank.notes, ["alice"]);
  const account = one.client.root<Bank>().pipeline("account", "bob");
  await assertRejects(() => other.client.root<Bank>().callRemote("take", account), JellyError);
});

Deno.test("callRemote() refuses a result as a part of an argument", async () => {
  const bank = new Bank();
  await using pair = await testPair(bank);
  const root = pair.client.root<Bank>();
  const account = root.pipeline("account", "bob");
  const error = await assertRejects(() => root.callRemote("take", 1, { account }), JellyError);
  assertEquals(
    error.message,
    "Cannot send args[1].account: the result of a call can be an argument, " +
      "but has to be awaited before it can be part of one",
  );
  await account;
});

class Score extends Cacheable {
  observer: RemoteCacheObserver | undefined;
  override getStateToCacheAndObserveFor(_: unknown, observer: RemoteCacheObserver): unknown {
    this.observer = observer;
    return {};
  }
}
class ScoreCache extends RemoteCache {
  observe_set(): void {}
}
Deno.test("RemoteCacheObserver.callRemote() refuses results", async () => {
  const registry = new JellyRegistry();
  registry.setUnjellyableForClass(Score, ScoreCache);
  const bank = new Bank();
  const score = bank.value = new Score();
  await using pair = await testPair(bank, { client: { registry } });
  const root = pair.client.root<Bank>();
  const cache = await root.callRemote("value");
  assertInstanceOf(cache, ScoreCache);
  await root.callRemote("take", new Account("client"));
  const balance = (bank.taken[0] as RemoteReference<Account>).pipeline("balance");
  await assertRejects(() => score.observer!.callRemote("set", balance), JellyError);
  assertEquals(await balance, 100);
});

Deno.test("callRemote() that passes on a result obeys its timeout and its signal", async () => {
  const bank = new Bank();
  await using pair = await testPair(bank);
  const root = pair.client.root<Bank>();
  const account = root.pipeline("later", "alice");
  await assertRejects(
    () => root.callRemote("take", account, callOptions({ timeout: 1 })),
    CallTimeoutError,
  );
  const stop = new AbortController();
  const call = root.callRemote("take", account, callOptions({ signal: stop.signal }));
  stop.abort(new Error("stopped"));
  await assertRejects(() => call, Error, "stopped");
  bank.open.resolve();
  await account;
});

Deno.test("callRemote() that waits for a result fails when the connection is lost", async () => {
  const bank = new Bank();
  await using pair = await testPair(bank);
  const root = pair.client.root<Bank>();
  const account = root.pipeline("later", "alice");
  const call = root.callRemote("take", account);
  await settle();
  pair.server.close();
  await assertRejects(() => call, PBConnectionLost);
  await assertRejects(() => account, PBConnectionLost);
  bank.open.resolve();
  await settle();
  assertEquals(bank.taken, []);
});

// Where the peer cannot be asked to keep results.

const call = (id: number, method: string, ...args: unknown[]) => [
  "message",
  id,
  "root",
  method,
  1,
  ["tuple", ...args],
  ["dictionary"],
];

Deno.test("callRemote() waits for results that a peer without this library cannot pass on", async () => {
  await using raw = await rawServer(); // offers the dialect pb only
  const root = raw.broker.root<Bank>();
  const from = root.pipeline("account", "alice");
  const owner = root.pipeline("owner");
  const moved = root.callRemote("transfer", from, root.pipeline("account", owner), 1);
  const noted = root.callRemote("note", "meanwhile");
  assertEquals(await raw.peer.hear(), call(1, "account", ["unicode", "alice"]));
  assertEquals(await raw.peer.hear(), call(2, "owner"));
  assertEquals(await raw.peer.hear(), call(5, "note", ["unicode", "meanwhile"]));
  await raw.peer.say(["answer", 2, ["unicode", "bob"]]);
  assertEquals(await raw.peer.hear(), call(3, "account", ["unicode", "bob"]));
  await raw.peer.say(["answer", 3, ["remote", 9]], ["answer", 1, ["remote", 8]]);
  assertEquals(await raw.peer.hear(), call(4, "transfer", ["local", 8], ["local", 9], 1));
  await raw.peer.say(["answer", 4, ["list", 99, 101]], ["answer", 5, ["None"]]);
  assertEquals(await moved, [99, 101]);
  await noted;
});

Deno.test("callRemote() to a peer without this library fails with the error of a call that it waits for", async () => {
  await using raw = await rawServer();
  const root = raw.broker.root<Bank>();
  const account = root.pipeline("account", "alice");
  const taken = root.callRemote("take", account);
  const told = root.callRemote("take", account, callOptions({ answer: false }));
  assertEquals(await raw.peer.hear(), call(1, "account", ["unicode", "alice"]));
  await raw.peer.say(["error", 1, ["unicode", "odd"]]);
  await assertRejects(() => taken);
  await assertRejects(() => told);
  await assertRejects(() => account);
});

Deno.test("callRemote() passes on results that were asked for before the negotiation", async () => {
  for (const dialect of ["pb", "perspective-1"]) {
    await using raw = await rawServer({ hello: false });
    const root = raw.broker.root<Bank>();
    const account = root.pipeline("account", "alice");
    const taken = root.callRemote("take", account);
    await raw.peer.say([dialect], ["version", 6]);
    assertEquals(await raw.peer.hear(), dialect);
    assertEquals(await raw.peer.hear(), ["version", 6]);
    const first = call(1, "account", ["unicode", "alice"]);
    if (dialect === "pb") {
      assertEquals(await raw.peer.ask(["answer", 1, ["remote", 3]]), first);
      assertEquals(await raw.peer.hear(), call(2, "take", ["local", 3]));
    } else {
      assertEquals(await raw.peer.hear(), first.with(4, 2));
      assertEquals(await raw.peer.hear(), [...call(2, "take", ["None"]), [[0, 1]]]);
    }
    await raw.peer.say(["answer", 2, ["unicode", "taken"]]);
    assertEquals(await taken, "taken");
    if (dialect !== "pb") await raw.peer.say(["answer", 1, ["None"]]);
    await account;
  }
});

Deno.test("callRemote() passes on a result by name, and by the position of a positional argument", async () => {
  await using raw = await rawServer({ hello: false });
  await raw.peer.say(["perspective-1"], ["version", 6]);
  const root = raw.broker.root();
  const value = root.pipeline("value");
  const taken = root.callRemote("take", 5, value, kwargs({ a: 6, b: value }));
  for (let i = 0; i < 3; i++) await raw.peer.hear();
  assertEquals(await raw.peer.hear(), [
    "message",
    2,
    "root",
    "take",
    1,
    ["tuple", 5, ["None"]],
    ["dictionary", [["unicode", "a"], 6], [["unicode", "b"], ["None"]]],
    [[1, 1], ["b", 1]],
  ]);
  await raw.peer.say(["answer", 1, 4], ["answer", 2, 3]);
  assertEquals(await taken, 3);
  assertEquals(await value, 4);
  await assertRejects(() => value.callRemote("x"), NoSuchMethod);
});

Deno.test("callRemote() to a peer without this library: calls that wait for results are made although what they need was released", async () => {
  await using raw = await rawServer();
  const root = raw.broker.root<Bank>();
  const calls: Promise<unknown>[] = [];
  const known = root.callRemote("account", "known");
  await raw.peer.hear();
  await raw.peer.say(["answer", 1, ["remote", 7]]);
  {
    using reference = await known;
    using alice = root.pipeline("account", "alice");
    using bob = root.pipeline("account", "bob");
    calls.push(
      root.callRemote("take", reference, alice, bob),
      (alice as RemotePromise).callRemote("with", bob),
      (reference as RemoteReference).callRemote("with", bob),
      root.callRemote("take", alice, kwargs({ reference, bob }), callOptions({ answer: false })),
    );
  }
  for (let i = 0; i < 2; i++) await raw.peer.hear();
  await raw.peer.say(["answer", 2, ["remote", 8]]);
  await settle();
  await raw.peer.say(["answer", 3, ["remote", 9]]);
  const sent: unknown[][] = [];
  for (let i = 0; i < 4; i++) sent.push(await raw.peer.hear() as unknown[]);
  const keywords = ["dictionary", [["unicode", "reference"], ["local", 7]], [["unicode", "bob"], [
    "local",
    9,
  ]]];
  assertEquals(sent.sort(([, one], [, other]) => (one as number) - (other as number)), [
    call(4, "take", ["local", 7], ["local", 8], ["local", 9]),
    call(5, "with", ["local", 9]).with(2, 8),
    call(6, "with", ["local", 9]).with(2, 7),
    call(7, "take", ["local", 8]).with(4, 0).with(6, keywords),
  ]);
  const released = [await raw.peer.hear(), await raw.peer.hear(), await raw.peer.hear()];
  assertEquals(released.sort(), [["decref", 7], ["decref", 8], ["decref", 9]]);
  await raw.peer.say(...[4, 5, 6].map((id) => ["answer", id, ["None"]]));
  await Promise.all(calls);
  assertEquals(raw.broker.counts.remoteObjects, 0);
});

Deno.test("callRemote() that waits for a result and was given up does not keep what it needed", async () => {
  await using raw = await rawServer();
  const root = raw.broker.root<Bank>();
  const account = root.pipeline("account", "alice");
  const stop = new AbortController();
  const { signal } = stop;
  const calls = {
    take: root.callRemote("take", account, callOptions({ signal })),
    note: root.callRemote("take", account, callOptions({ signal, answer: false })),
  };
  account.release();
  stop.abort(new Error("stopped"));
  await assertRejects(() => calls.take, Error, "stopped");
  await assertRejects(() => calls.note, Error, "stopped");
  await raw.peer.hear();
  await raw.peer.say(["answer", 1, ["remote", 8]]);
  assertEquals(await raw.peer.hear(), ["decref", 8]);
  await account;
});

Deno.test("callRemote() with a result of another connection fails when its own connection is lost", async () => {
  await using one = await rawServer();
  await using other = await rawServer();
  const account = one.broker.root<Bank>().pipeline("account", "alice");
  const root = other.broker.root<Bank>();
  const calls = [
    root.callRemote("take", account),
    root.callRemote("take", account, callOptions({ answer: false })),
  ];
  other.peer.close();
  for (const call of calls) await assertRejects(() => call, PBConnectionLost);
  await one.peer.hear();
  await one.peer.say(["answer", 1, 5]);
  assertEquals(await account as unknown, 5);
});

Deno.test("callRemote() of a result that was passed to another connection does not wait for it", async () => {
  const bank = new Bank();
  await using one = await testPair(bank);
  await using other = await testPair(bank);
  const account = one.client.root<Bank>().pipeline("later", "alice");
  const taken = other.client.root<Bank>().callRemote("take", account);
  const balance = account.callRemote("balance");
  await settle();
  assertEquals([one.server.counts.callsIn, other.server.counts.callsIn], [2, 0]);
  bank.open.resolve();
  assertEquals(await balance, 100);
  await assertRejects(() => taken, JellyError);
});
