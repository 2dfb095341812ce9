import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  Avatar,
  type Broker,
  callOptions,
  CallTimeoutError,
  Copyable,
  DeadReferenceError,
  IPerspective,
  kwargs,
  LimitError,
  noOperation,
  NoSuchMethod,
  PBConnectionLost,
  PBError,
  Referenceable,
  RemoteError,
  RemotePromise,
  RemoteReference,
  Root,
  Viewable,
} from "@perspective/broker/broker";
import { Portal, UsernamePassword } from "@perspective/broker/cred";
import { InMemoryUsernamePasswordDatabaseDontUse } from "@perspective/broker/cred";
import { JellyError, JellyRegistry } from "@perspective/broker/jelly";
import { encode } from "@perspective/broker/jelly/banana";
import { sexpOf } from "../../vectors/load.ts";
import { settle, testPair } from "../pair.ts";
import { rawServer } from "../raw_peer.ts";

class Account extends Referenceable {
  readonly calls: string[] = [];
  constructor(readonly owner: string) {
    super();
  }
  remote_owner(): string {
    return this.owner;
  }
  remote_note(text: string): number {
    return this.calls.push(text);
  }
  remote_partner(): Account {
    return new Account(`partner of ${this.owner}`);
  }
  remote_given(options: { to: number }): number {
    return options.to;
  }
}

class Bank extends Root {
  readonly account = new Account("alice");
  /** Resolves when the bank opens. */
  readonly open = Promise.withResolvers<void>();
  remote_account(owner: string): Account {
    return new Account(owner);
  }
  async remote_shared(): Promise<Account> {
    await this.open.promise;
    return this.account;
  }
  remote_none(): null {
    return null;
  }
  remote_list(): Account[] {
    return [this.account];
  }
  remote_refuse(): Account {
    throw new NoCredit("not today");
  }
  async remote_refuseLater(): Promise<Account> {
    await this.open.promise;
    throw new Error("a fault");
  }
  remote_mine(account: RemoteReference<Account>): RemoteReference<Account> {
    return account;
  }
}

class NoCredit extends PBError {
  static override readonly jellyName = "bank.NoCredit";
}

Deno.test("RemoteReference.pipeline() sends calls of the result before it has arrived", async () => {
  const bank = new Bank();
  await using pair = await testPair(bank);
  const account = pair.client.root<Bank>().pipeline("shared");
  assertInstanceOf(account, RemotePromise);
  const notes = [account.callRemote("note", "one"), account.remote.note("two")];
  await settle();
  // The server has all three, although nothing was answered.
  assertEquals([pair.server.counts.callsIn, pair.client.counts.callsOut], [3, 3]);
  assertEquals(pair.server.counts.promisedResults, 1);
  bank.open.resolve();
  assertEquals(await Promise.all(notes), [1, 2]);
  assertEquals(bank.account.calls, ["one", "two"]);
  const reference = await account;
  assertInstanceOf(reference, RemoteReference);
  assertEquals(await account.callRemote("note", "three"), 3);
  assertEquals(pair.server.counts.promisedResults, 0);
});

Deno.test("RemoteReference.pipeline() begins calls of the result in order, also of one known there", async () => {
  const bank = new Bank();
  await using pair = await testPair(bank);
  const account = pair.client.root<Bank>().pipeline("shared");
  const first = account.callRemote("note", "early");
  await settle();
  bank.open.resolve();
  // These may arrive before or after the result is known at the server.
  const rest = [];
  for (let i = 0; i < 20; i++) {
    rest.push(account.callRemote("note", `${i}`));
    await Promise.resolve();
  }
  await Promise.all([first, ...rest]);
  assertEquals(bank.account.calls, ["early", ...Array.from({ length: 20 }, (_, i) => `${i}`)]);
});

Deno.test("RemotePromise.pipeline() goes on from result to result", async () => {
  await using pair = await testPair(new Bank());
  const partner = pair.client.root<Bank>().pipeline("account", "bob").pipeline("partner");
  const name = partner.pipeline("partner").callRemote("owner");
  // All in a single write.
  assertEquals(pair.client.counts.callsOut, 4);
  assertEquals(await name, "partner of partner of bob");
  assertEquals(await (await partner).callRemote("owner"), "partner of bob");
});

Deno.test("RemotePromise.callRemote() passes keyword arguments and options on", async () => {
  const bank = new Bank();
  await using pair = await testPair(bank);
  const account = pair.client.root<Bank>().pipeline("account", "bob");
  assertEquals(await account.callRemote("given", kwargs({ to: 3 })), 3);
  const shared = pair.client.root<Bank>().pipeline("shared");
  const call = shared.callRemote("owner", callOptions({ timeout: 1 }));
  await assertRejects(() => call, CallTimeoutError);
  assertEquals(await shared.callRemote("note", "x", callOptions({ answer: false })), undefined);
  bank.open.resolve();
  await shared;
  await settle();
  assertEquals(bank.account.calls, ["x"]);
});

Deno.test("RemotePromise.callRemote() fails as the first call does", async () => {
  const bank = new Bank();
  await using pair = await testPair(bank);
  const root = pair.client.root<Bank>();
  const refused = root.pipeline("refuse");
  const error = await assertRejects(() => refused.callRemote("owner"), RemoteError, "not today");
  assertEquals(error.remoteType, "bank.NoCredit");
  await assertRejects(() => refused.then(), RemoteError, "not today");
  await assertRejects(() => refused.callRemote("owner"), RemoteError, "not today");

  const later = root.pipeline("refuseLater");
  const calls = [later.callRemote("owner"), later.pipeline("partner").callRemote("owner")];
  await settle();
  bank.open.resolve();
  for (const call of calls) await assertRejects(() => call, RemoteError, "a fault");
  // The fault is logged once, for the call that failed.
  assertEquals(pair.serverLog.map(({ method }) => method), ["refuseLater"]);
});

Deno.test("RemotePromise.callRemote() rejects with NoSuchMethod if the result is no reference", async () => {
  await using pair = await testPair(new Bank());
  const root = pair.client.root(); // not typed: the compiler would refuse
  for (const method of ["none", "list"]) {
    const result = root.pipeline(method);
    const message = `Cannot call the result of "${method}": it is not a reference`;
    const error = await assertRejects(() => result.callRemote("owner"), NoSuchMethod, message);
    // The first is told by the server, the second is known here.
    assertInstanceOf(error, RemoteError);
    await result;
    await assertRejects(() => result.callRemote("owner"), NoSuchMethod, message);
  }
  const mine = root.pipeline("mine", new Account("me"));
  await assertRejects(() => mine.callRemote("owner"), NoSuchMethod, "it is not a reference");
  assertInstanceOf(await mine, Account);
  const wrong = root.pipeline("account", "x").callRemote("nothing");
  await assertRejects(() => wrong, NoSuchMethod, "No such method: remote_nothing");
});

Deno.test("RemotePromise.callRemote() does not take a reference of another connection for one of its own", async () => {
  class Alias extends Copyable {
    static readonly jellyName = "tests.Alias";
  }
  class Shop extends Bank {
    remote_alias(): Alias {
      return new Alias();
    }
  }
  await using other = await testPair(new Bank());
  const foreign = await other.client.root<Bank>().callRemote("account", "other");
  const registry = new JellyRegistry();
  registry.setRule("tests.Alias", (_unjellier, list) => {
    list.next();
    return foreign;
  });
  await using pair = await testPair(new Shop(), { client: { registry } });
  const root = pair.client.root();
  // So that its number is that of an object here, too.
  using own = await pair.client.root<Bank>().callRemote("account", "own");
  assertEquals(own.luid, foreign.luid);
  const alias = root.pipeline("alias");
  await assertRejects(() => alias.callRemote("owner"), NoSuchMethod);
  assertStrictEquals(await alias, foreign);
  await assertRejects(() => alias.callRemote("owner"), NoSuchMethod);
});

Deno.test("RemotePromise waits for the answer of a peer that does not use this library", async () => {
  await using raw = await rawServer(); // offers the dialect pb only
  const account = raw.broker.root().pipeline("account", "bob");
  const owner = account.pipeline("partner").callRemote("owner");
  const call = (
    id: number,
    object: unknown,
    method: string,
    ...args: unknown[]
  ) => ["message", id, object, method, 1, ["tuple", ...args], ["dictionary"]];
  assertEquals(await raw.peer.hear(), call(1, "root", "account", ["unicode", "bob"]));
  await raw.peer.say(["answer", 1, ["remote", 7]]);
  assertEquals(await raw.peer.hear(), call(2, 7, "partner"));
  await raw.peer.say(["answer", 2, ["remote", 8]]);
  assertEquals(await raw.peer.hear(), call(3, 8, "owner"));
  await raw.peer.say(["answer", 3, ["unicode", "partner of bob"]]);
  assertEquals(await owner, "partner of bob");

  const nobody = raw.broker.root().pipeline("nobody");
  const refused = nobody.callRemote("owner");
  assertEquals(await raw.peer.hear(), call(4, "root", "nobody"));
  await raw.peer.say(["answer", 4, ["None"]]);
  await assertRejects(() => refused, NoSuchMethod, 'the result of "nobody"');
});

Deno.test("RemotePromise sends what was asked for before both ends had agreed on a dialect", async () => {
  await using raw = await rawServer({ hello: false });
  const account = raw.broker.root().pipeline("account");
  const owner = account.callRemote("owner");
  await raw.peer.say(["perspective-1", "pb"], ["version", 6]);
  assertEquals(await raw.peer.hear(), "perspective-1");
  assertEquals(await raw.peer.hear(), ["version", 6]);
  assertEquals(
    await raw.peer.hear(),
    ["message", 1, "root", "account", 2, ["tuple"], ["dictionary"]],
  );
  assertEquals(await raw.peer.hear(), ["message", 2, -1, "owner", 1, ["tuple"], ["dictionary"]]);
  await raw.peer.say(["answer", 1, ["remote", 7]], ["answer", 2, ["unicode", "bob"]]);
  assertEquals(await owner, "bob");
  assertEquals(await raw.peer.hear(), ["decref", -1]);
  // Then the object is called by its own number.
  const second = account.callRemote("owner");
  assertEquals(await raw.peer.hear(), ["message", 3, 7, "owner", 1, ["tuple"], ["dictionary"]]);
  await raw.peer.say(["answer", 3, ["unicode", "bob"]]);
  assertEquals(await second, "bob");
});

for (const dialect of ["pb", "perspective-1"]) {
  Deno.test(`RemotePromise is called in order from before the negotiation on (${dialect})`, async () => {
    await using raw = await rawServer({ hello: false });
    const root = raw.broker.root();
    const account = root.pipeline("account");
    const noted = [account.callRemote("note", "one")];
    let isSilentSent = false;
    const silent = account.callRemote("note", "two", callOptions({ answer: false }))
      .then(() => isSilentSent = true);
    root.callRemote("other").catch(noOperation);
    await raw.peer.say([dialect, "none"], ["version", 6]);
    await settle();
    noted.push(account.callRemote("note", "three"));
    const expected = dialect === "pb"
      ? ["pb", "version", "account", "other"]
      : [dialect, "version", "account", "note", "note", "other"];
    for (const name of expected) {
      const message = await raw.peer.hear();
      assertEquals(Array.isArray(message) ? message[3] ?? message[0] : message, name);
    }
    assertEquals(isSilentSent, dialect !== "pb");
    await raw.peer.say(["answer", 1, ["remote", 7]]);
    const rest: unknown[] = [];
    for (let i = 0; i < (dialect === "pb" ? 3 : 2); i++) {
      const message = await raw.peer.hear() as unknown[];
      if (message[0] === "message") rest.push((message[5] as [string, unknown])[1]);
    }
    const texts = ["one", "two", "three"].map((text) => ["unicode", text]);
    assertEquals(rest, dialect === "pb" ? texts : texts.slice(2));
    await silent;
    raw.peer.close();
    for (const call of noted) await assertRejects(() => call, PBConnectionLost);
  });
}

Deno.test("RemotePromise is called in order from within a message that is being written on", async () => {
  const bank = new Bank();
  await using pair = await testPair(bank);
  const root = pair.client.root<Bank>();
  const notes: Promise<number>[] = [];
  let account: RemotePromise<RemoteReference<Account>> | undefined;
  class Curious extends Copyable {
    override getStateToCopy(): object {
      account ??= root.pipeline("shared");
      notes.push(account.callRemote("note", "one"));
      return {};
    }
  }
  const refused = pair.client.root().callRemote("none", new Curious());
  notes.push(account!.callRemote("note", "two"));
  await assertRejects(() => refused, RemoteError);
  bank.open.resolve();
  assertEquals(await Promise.all(notes), [1, 2]);
  assertEquals(bank.account.calls, ["one", "two"]);
});

Deno.test("RemotePromise of a peer that does not use this library: calls that wait obey their options", async () => {
  await using raw = await rawServer();
  const account = raw.broker.root().pipeline("account");
  assertEquals((await raw.peer.hear() as unknown[])[3], "account");
  const late = account.callRemote("late", callOptions({ timeout: 1 }));
  const abort = new AbortController();
  const { signal } = abort;
  const aborted = account.callRemote("aborted", callOptions({ signal }));
  const silent = account.callRemote("silent", callOptions({ signal, answer: false }));
  const wanted = account.callRemote("wanted");
  await assertRejects(() => late, CallTimeoutError);
  abort.abort(new Error("enough"));
  await assertRejects(() => aborted, Error, "enough");
  await raw.peer.say(["answer", 1, ["remote", 7]]);
  await assertRejects(() => silent, Error, "enough");
  // Those that nobody waits for any more are not made.
  const [, id, , method] = await raw.peer.hear() as unknown[];
  assertEquals(method, "wanted");
  await raw.peer.say(["answer", id as number, 1]);
  assertEquals(await wanted, 1);
});

Deno.test("RemotePromise of a peer that does not use this library: calls made before release() are made", async () => {
  await using raw = await rawServer();
  const calls: Promise<unknown>[] = [];
  {
    using account = raw.broker.root().pipeline("account");
    calls.push(
      account.callRemote("one"),
      account.callRemote("two", callOptions({ answer: false })),
    );
  }
  assertEquals((await raw.peer.hear() as unknown[])[3], "account");
  await raw.peer.say(["answer", 1, ["remote", 7]]);
  assertEquals((await raw.peer.hear() as unknown[]).slice(2, 4), [7, "one"]);
  assertEquals((await raw.peer.hear() as unknown[]).slice(2, 4), [7, "two"]);
  assertEquals(await raw.peer.hear(), ["decref", 7]);
  await raw.peer.say(["answer", 2, ["None"]]);
  await Promise.all(calls);
});

Deno.test("RemotePromise of a peer that does not use this library: an object that was given back elsewhere is not called", async () => {
  await using raw = await rawServer();
  const root = raw.broker.root();
  const [account, same] = [root.pipeline("account"), root.pipeline("account")];
  account.release();
  const call = same.callRemote("owner");
  for (let i = 0; i < 2; i++) await raw.peer.hear();
  // Both are the same reference, which the first one gives back as soon as it has arrived.
  const answers = [1, 2].map((id) => sexpOf(["answer", id, ["remote", 7]]));
  const bytes = answers.flatMap((answer) => [...encode(answer, { dialect: "pb" })]);
  await raw.peer.say(Uint8Array.from(bytes));
  await assertRejects(() => call, DeadReferenceError, 'Cannot call "owner": the reference was');
});

Deno.test("RemotePromise of a peer that does not use this library: its calls go before those of code that awaits it", async () => {
  await using raw = await rawServer();
  const account = raw.broker.root().pipeline("account");
  const second = account.then((reference) => (reference as RemoteReference).callRemote("second"));
  const first = account.callRemote("first");
  await raw.peer.hear();
  await raw.peer.say(["answer", 1, ["remote", 7]]);
  for (const expected of ["first", "second"]) {
    const [, id, , method] = await raw.peer.hear() as unknown[];
    assertEquals(method, expected);
    await raw.peer.say(["answer", id as number, ["None"]]);
  }
  await Promise.all([first, second]);
});

Deno.test("RemotePromise of a peer that does not use this library: calls that wait fail when the connection is lost", async () => {
  await using raw = await rawServer();
  const account = raw.broker.root().pipeline("account");
  const owner = account.callRemote("owner");
  const note = account.callRemote("note", new Account("me"), callOptions({ answer: false }));
  // One that is answered just before the end finds nothing to send its calls over, either.
  const other = raw.broker.root().pipeline("other");
  const last = other.callRemote("last", new Account("me"), callOptions({ answer: false }));
  await settle();
  await raw.peer.say(["answer", 4, ["remote", 7]]);
  raw.peer.close();
  const ends = await Promise.allSettled([owner, note, last]);
  for (const end of ends.slice(0, 2)) {
    assertInstanceOf((end as PromiseRejectedResult).reason, PBConnectionLost);
  }
  assertEquals(raw.broker.counts.localObjects, 0);
});

Deno.test("RemotePromise of a peer that does not use this library: calls that wait respect maxBufferedBytes", async () => {
  await using raw = await rawServer({ limits: { maxBufferedBytes: 2000 } });
  const account = raw.broker.root().pipeline("account");
  const note = "x".repeat(900);
  const calls = [{}, {}, {}, {}, { answer: false }].map((options) =>
    account.callRemote("note", note, callOptions(options))
  );
  await raw.peer.hear();
  await raw.peer.say(["answer", 1, ["remote", 7]]);
  for (const id of [2, 3, 4]) {
    assertEquals((await raw.peer.hear() as unknown[])[1], id);
    await raw.peer.say(["answer", id, id]);
  }
  const ends = await Promise.allSettled(calls);
  assertEquals(ends.slice(0, 3).map((end) => end.status), Array(3).fill("fulfilled"));
  for (const end of ends.slice(3)) {
    assertInstanceOf((end as PromiseRejectedResult).reason, LimitError);
  }
});

Deno.test("RemotePromise asks for no more results than maxPipelined: calls of the others wait", async () => {
  const bank = new Bank();
  const limits = { maxPipelined: 2 };
  await using pair = await testPair(bank, { client: { limits }, server: { limits } });
  const root = pair.client.root<Bank>();
  const shared = root.pipeline("shared");
  const accounts = Array.from({ length: 20 }, (_, i) => root.pipeline("account", `${i}`));
  const owners = accounts.map((account) => account.callRemote("owner"));
  assertEquals(await Promise.all(owners), Array.from({ length: 20 }, (_, i) => `${i}`));
  bank.open.resolve();
  assertEquals(await shared.callRemote("note", "x"), 1);
  await settle();
  assertEquals(pair.server.counts.promisedResults, 0);
});

Deno.test("RemotePromise of a call that waited itself: calls of it are made in order", async () => {
  const bank = new Bank();
  bank.open.resolve();
  await using pair = await testPair(bank, { client: { limits: { maxPipelined: 1 } } });
  const root = pair.client.root<Bank>();
  const first = root.pipeline("account", "first");
  const account = root.pipeline("shared");
  const partner = account.pipeline("partner");
  const owners = [partner.callRemote("owner")];
  const notes = [account.callRemote("note", "one")];
  await first;
  notes.push(account.callRemote("note", "two"));
  owners.push(partner.pipeline("partner").callRemote("owner"), partner.callRemote("owner"));
  const name = "partner of alice";
  assertEquals(await Promise.all(owners), [name, `partner of ${name}`, name]);
  assertEquals(await Promise.all(notes), [1, 2]);
  assertEquals(bank.account.calls, ["one", "two"]);
});

Deno.test("RemotePromise asks for a result again once one was given back", async () => {
  await using raw = await rawServer({ hello: false, limits: { maxPipelined: 1 } });
  await raw.peer.say(["perspective-1", "pb"], ["version", 6]);
  for (let i = 0; i < 2; i++) await raw.peer.hear();
  const root = raw.broker.root();
  const account = root.pipeline("account");
  const other = root.pipeline("other");
  const note = other.callRemote("note");
  const call = (
    id: number,
    object: unknown,
    method: string,
    answer: number,
  ) => ["message", id, object, method, answer, ["tuple"], ["dictionary"]];
  assertEquals(await raw.peer.hear(), call(1, "root", "account", 2));
  assertEquals(await raw.peer.hear(), call(2, "root", "other", 1));
  await raw.peer.say(["answer", 2, ["remote", 8]]);
  assertEquals(await raw.peer.hear(), call(3, 8, "note", 1));
  await raw.peer.say(["answer", 3, 1], ["answer", 1, ["remote", 7]]);
  assertEquals(await raw.peer.hear(), ["decref", -1]);
  assertEquals(await note, 1);
  await account;
  const third = root.pipeline("third");
  assertEquals(await raw.peer.hear(), call(4, "root", "third", 2));
  await raw.peer.say(["answer", 4, ["None"]]);
  assertEquals(await third, null);
});

Deno.test("RemotePromise writes arguments on behalf of nobody, before and after it has arrived", async () => {
  const seen: unknown[] = [];
  class Page extends Copyable {
    override getStateToCopyFor(perspective: object | null): object {
      seen.push(perspective);
      return {};
    }
  }
  class User extends Avatar {
    async perspective_listen(bank: RemoteReference): Promise<boolean> {
      const account = bank.pipeline("shared");
      const pages = [account.callRemote("show", new Page())];
      const reference = await account as RemoteReference;
      pages.push(account.callRemote("show", new Page()));
      pages.push(reference.callRemote("show", new Page()));
      await Promise.allSettled(pages);
      return bank.perspective === this;
    }
  }
  const users = new InMemoryUsernamePasswordDatabaseDontUse({ alice: "secret" });
  const realm = { requestAvatar: () => [IPerspective, new User(), () => {}] as const };
  await using pair = await testPair(new Portal(realm, [users]));
  const user = await pair.client.login(new UsernamePassword("alice", "secret"));
  const bank = new Bank();
  bank.open.resolve();
  assertEquals(await user.callRemote("listen", bank), true);
  assertEquals(seen, [null, null, null]);
});

Deno.test("RemotePromise can be given up: the peer is told at once, and calls of it fail", async () => {
  const bank = new Bank();
  await using pair = await testPair(bank);
  const account = pair.client.root<Bank>().pipeline("shared", callOptions({ timeout: 1 }));
  const early = account.callRemote("note", "early");
  await assertRejects(() => account.then(), CallTimeoutError);
  await assertRejects(() => account.callRemote("owner"), CallTimeoutError);
  await settle();
  assertEquals(pair.server.counts.promisedResults, 0);
  bank.open.resolve();
  assertEquals(await early, 1);
});

Deno.test("RemotePromise rejects, and so do calls of it, when the connection is lost", async () => {
  await using pair = await testPair(new Bank());
  const account = pair.client.root<Bank>().pipeline("shared");
  const owner = account.callRemote("owner");
  await settle();
  await pair.server.close();
  await assertRejects(() => owner, PBConnectionLost);
  await assertRejects(() => account.then(), PBConnectionLost);
  await assertRejects(() => account.callRemote("owner"), DeadReferenceError);
  const dead = pair.client.root<Bank>().pipeline("shared");
  await assertRejects(() => dead.callRemote("owner"), DeadReferenceError);
});

Deno.test("RemotePromise.callRemote() may be called more often than maxCallsIn while the result depends on calls", async () => {
  class Shop extends Root {
    async remote_item(customer: RemoteReference<Customer>): Promise<Account> {
      await customer.callRemote("confirm");
      return new Account("shop");
    }
    remote_now(): number {
      return 1;
    }
  }
  class Customer extends Referenceable {
    async remote_confirm(): Promise<void> {
      await settle();
      await root.callRemote("now");
    }
  }
  await using pair = await testPair(new Shop(), { server: { limits: { maxCallsIn: 10 } } });
  const root = pair.client.root<Shop>();
  const item = root.pipeline("item", new Customer());
  const owners = Array.from({ length: 100 }, () => item.callRemote("owner"));
  assertEquals(await Promise.all(owners), Array(100).fill("shop"));
});

Deno.test("RemotePromise.catch() and finally() are those of a promise", async () => {
  await using pair = await testPair(new Bank());
  const root = pair.client.root<Bank>();
  const refused: Promise<unknown> = root.pipeline("refuse");
  const error = await refused.catch((error) => error);
  assertInstanceOf(error, RemoteError);
  let ended = 0;
  const account = root.pipeline("account", "bob").finally(() => void ended++);
  assertInstanceOf(await account, RemoteReference);
  await assertRejects(() => refused.finally(() => void ended++), RemoteError, "not today");
  assertEquals(ended, 2);
  assertEquals(`${root.pipeline("none")}`, "[object RemotePromise]");
  await settle();
});

Deno.test("RemotePromise that nobody awaits does not end the program when its call fails", async () => {
  await using pair = await testPair(new Bank());
  pair.client.root<Bank>().pipeline("refuse");
  pair.client.root<Bank>().pipeline("refuse").pipeline("partner");
  await settle();
});

Deno.test("RemotePromise gives its object back with using, before and after it has arrived", async () => {
  const bank = new Bank();
  await using pair = await testPair(bank);
  const root = pair.client.root<Bank>();
  const account = root.pipeline("shared");
  const note = account.callRemote("note", "x");
  account.release();
  await assertRejects(() => account.callRemote("owner"), DeadReferenceError, "released");
  bank.open.resolve();
  assertEquals(await note, 1);
  await settle();
  assertEquals(pair.server.counts.localObjects, 1); // the root
  {
    using again = root.pipeline("shared");
    await again;
    assertEquals(pair.server.counts.localObjects, 2);
  }
  await settle();
  assertEquals(pair.server.counts.localObjects, 1);
});

Deno.test("RemotePromise cannot be part of an argument, as the error says", async () => {
  await using pair = await testPair(new Bank());
  const account = pair.client.root<Bank>().pipeline("account", "bob");
  const error = await assertRejects(
    () => pair.client.root().callRemote("mine", [account]),
    JellyError,
    "has to be awaited before it can be part of one",
  );
  assert(error.message.includes("args[0][0]"), error.message);
  assertThrows(() => account.jellyFor(), JellyError);
  await account;
});

Deno.test("RemotePromise calls views and avatars on behalf of the same user as a reference does", async () => {
  class Page extends Viewable {
    view_reader(user: User): string {
      return user.name;
    }
  }
  class User extends Avatar {
    readonly page = new Page();
    constructor(readonly name: string) {
      super();
    }
    perspective_page(): Page {
      return this.page;
    }
    perspective_self(): User {
      return this;
    }
    perspective_name(): string {
      return this.name;
    }
  }
  const users = new InMemoryUsernamePasswordDatabaseDontUse({ alice: "secret" });
  const realm = {
    requestAvatar: (id: unknown) => [IPerspective, new User(String(id)), () => {}] as const,
  };
  await using pair = await testPair(new Portal(realm, [users]));
  const user = await pair.client.login<User>(new UsernamePassword("alice", "secret"));
  assertEquals(await user.pipeline("page").callRemote("reader"), "alice");
  assertEquals(await user.pipeline("self").callRemote("name"), "alice");
  assertStrictEquals(await user.pipeline("self"), user);
});

Deno.test("RemotePromise has its arguments read on behalf of the user who made the first call", async () => {
  class Page extends Referenceable {
    remote_self(): Page {
      return this;
    }
    remote_reader({ perspective }: RemoteReference): string | undefined {
      return (perspective as User | null)?.name;
    }
  }
  class User extends Avatar {
    constructor(readonly name: string) {
      super();
    }
    perspective_page(): Page {
      return new Page();
    }
  }
  const users = new InMemoryUsernamePasswordDatabaseDontUse({ alice: "secret" });
  const realm = {
    requestAvatar: (id: unknown) => [IPerspective, new User(String(id)), () => {}] as const,
  };
  await using pair = await testPair(new Portal(realm, [users]));
  const user = await pair.client.login<User>(new UsernamePassword("alice", "secret"));
  const page = user.pipeline("page");
  const readers = [page, page.pipeline("self")].map((result) =>
    result.callRemote("reader", new Referenceable())
  );
  assertEquals(await Promise.all(readers), ["alice", "alice"]);
});

Deno.test("RemotePromise works from the server to an object of the client, too", async () => {
  let found: unknown;
  class Hub extends Root {
    async remote_register(bank: RemoteReference<Bank>): Promise<void> {
      found = await bank.pipeline("account", "bob").pipeline("partner").callRemote("owner");
    }
  }
  await using pair = await testPair(new Hub());
  await pair.client.root<Hub>().callRemote("register", new Bank());
  assertEquals(found, "partner of bob");
});

/** Checked by the compiler only. */
export async function types(broker: Broker): Promise<void> {
  const bank = broker.root<Bank>();
  const owner: string = await bank.pipeline("account", "bob").callRemote("owner");
  const partner: RemotePromise<RemoteReference<Account>> = bank.pipeline("shared").pipeline(
    "partner",
  );
  const reference: RemoteReference<Account> = await partner;
  const untyped: unknown = await broker.root().pipeline("anything").callRemote("whatever", 1);
  // @ts-expect-error: there is no such method
  bank.pipeline("account", "bob").callRemote("nothing");
  // @ts-expect-error: the argument is of the wrong type
  bank.pipeline("account", "bob").callRemote("note", 1);
  // @ts-expect-error: the result is no reference
  bank.pipeline("none").callRemote("owner");
  // @ts-expect-error: without an answer there is no result
  bank.pipeline("account", "bob", callOptions({ answer: false }));
  // @ts-expect-error: it has to be awaited
  bank.callRemote("mine", bank.pipeline("account", "bob"));
  console.log(owner, reference, untyped);
}
