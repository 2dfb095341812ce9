// Calls that arrive with results of earlier calls as arguments.

import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import {
  Avatar,
  BearerTokenChecker,
  IPerspective,
  type Kwargs,
  kwargs,
  PBError,
  Portal,
  PortalRoot,
  ProtocolError,
  Referenceable,
  Root,
} from "@perspective/broker";
import { SecurityOptions } from "@perspective/broker/jelly";
import { settle } from "../pair.ts";
import { heard, rawClient, rawKin, type Said } from "../raw_peer.ts";

class Thing extends Referenceable {
  constructor(readonly name: string) {
    super();
  }
  remote_with(other: unknown): string {
    return `${this.name} with ${other instanceof Thing ? other.name : other}`;
  }
}

class Shop extends Root {
  /** The calls of `later` that wait for their thing. */
  readonly waiting: PromiseWithResolvers<Thing>[] = [];
  taken: unknown[][] = [];
  remote_thing(name: string): Thing {
    return new Thing(name);
  }
  remote_later(): Promise<Thing> {
    const thing = Promise.withResolvers<Thing>();
    this.waiting.push(thing);
    return thing.promise;
  }
  remote_bytes(): Uint8Array {
    return new Uint8Array(3);
  }
  remote_text(length: number): string {
    return "x".repeat(length);
  }
  remote_take(...args: unknown[]): number {
    return this.taken.push(args.map((arg) => arg instanceof Thing ? arg.name : arg));
  }
}

const NONE = ["None"];

/** A call whose result may be called before it has arrived. */
function keep(id: number, method: string, ...args: unknown[]): Said {
  return ["message", id, "root", method, 2, ["tuple", ...args], ["dictionary"]];
}

/** A call of `take` with arguments, of which results take the place of some. */
function take(id: number, args: unknown[], passedOn: unknown, keywords: unknown[] = []): Said {
  const kw = ["dictionary", ...keywords];
  return ["message", id, "root", "take", 1, ["tuple", ...args], kw, passedOn];
}

const INVALID = "Invalid Object ID";
const NO_PLACE = "Cannot take call: it has no argument where a result belongs";

Deno.test("a call gets a result as an argument, before and after the answer to its call", async () => {
  const shop = new Shop();
  await using pair = await rawKin(shop);
  const calls = [keep(1, "later"), keep(2, "text", 1)];
  await pair.peer.say(...calls, take(3, [0, NONE, NONE], [[1, 1], [2, 2]]));
  assertEquals(await heard(pair), ["answer", 2, ["unicode", "x"]]);
  await settle();
  assertEquals([shop.taken, pair.broker.counts.callsIn], [[], 2]);
  shop.waiting[0]!.resolve(new Thing("ink"));
  assertEquals(await heard(pair), ["answer", 1, ["remote", 1]]);
  assertEquals(await heard(pair), ["answer", 3, 1]);
  await pair.peer.say(take(4, [NONE, 5], [[0, 1]]));
  assertEquals(await heard(pair), ["answer", 4, 2]);
  assertEquals(shop.taken, [[0, "ink", "x"], ["ink", 5]]);
});

Deno.test("a call gets a result in place of whatever the argument was, the last one if there are two", async () => {
  const shop = new Shop();
  await using pair = await rawKin(shop);
  await pair.peer.say(keep(1, "text", 1), keep(2, "text", 2));
  await pair.peer.say(take(3, [["list", 1]], [[0, 1], [0, 2]]));
  for (let i = 0; i < 3; i++) await heard(pair);
  assertEquals(shop.taken, [["xx"]]);
});

Deno.test("a call whose list of results is empty begins at once", async () => {
  const shop = new Shop();
  await using pair = await rawKin(shop);
  await pair.peer.say(take(1, [5], []));
  assertEquals(await heard(pair), ["answer", 1, 1]);
  assertEquals(shop.taken, [[5]]);
});

Deno.test("a call of a result gets that same result as an argument", async () => {
  await using pair = await rawKin(new Shop());
  const call = ["message", 2, -1, "with", 1, ["tuple", NONE], ["dictionary"], [[0, 1]]];
  await pair.peer.say(keep(1, "thing", ["unicode", "tea"]), call);
  assertEquals(await heard(pair), ["answer", 1, ["remote", 1]]);
  assertEquals(await heard(pair), ["answer", 2, ["unicode", "tea with tea"]]);
});

Deno.test("a call gets results as keyword arguments, names that objects inherit included", async () => {
  const seen: unknown[] = [];
  class Named extends Shop {
    remote_named(kw: Kwargs = kwargs({})): void {
      seen.push(
        Object.getPrototypeOf(kw) === Object.getPrototypeOf(kwargs({})),
        Object.entries(kw),
      );
    }
  }
  await using pair = await rawKin(new Named());
  const names = ["a", "__proto__", "constructor"];
  const kw = ["dictionary", ...names.map((name) => [["unicode", name], NONE])];
  const passedOn = names.map((name) => [name, 1]);
  await pair.peer.say(keep(1, "text", 1));
  await pair.peer.say(["message", 2, "root", "named", 1, ["tuple"], kw, passedOn]);
  await heard(pair);
  assertEquals(await heard(pair), ["answer", 2, NONE]);
  assertEquals(seen, [true, names.map((name) => [name, "x"])]);
});

const FAULTS: [name: string, args: unknown[], passedOn: unknown, keywords: unknown[], string][] = [
  ["an unknown request", [NONE], [[0, 7]], [], INVALID],
  ["its own request", [NONE], [[0, 2]], [], INVALID],
  ["a later request", [NONE], [[0, 3]], [], INVALID],
  ["request 0", [NONE], [[0, 0]], [], INVALID],
  ["a negative request", [NONE], [[0, -1]], [], INVALID],
  ["a huge request", [NONE], [[0, 2 ** 53 - 1]], [], INVALID],
  ["a position behind the last argument", [NONE], [[1, 1]], [], NO_PLACE],
  ["a negative position", [NONE], [[-1, 1]], [], NO_PLACE],
  ["a position without arguments", [], [[0, 1]], [], NO_PLACE],
  ["a name without keyword arguments", [NONE], [["a", 1]], [], NO_PLACE],
  ["a name that is not there", [], [["b", 1]], [[["unicode", "a"], 1]], NO_PLACE],
  ["a name that objects inherit", [], [["toString", 1]], [[["unicode", "a"], 1]], NO_PLACE],
  ["a number for a list", [NONE], 7, [], "a part of it is not a list"],
  ["a number for a pair", [NONE], [1], [], "a part of it is not a list"],
  ["three items for a pair", [NONE], [[0, 1, 2]], [], "it has 3 parts, not 2"],
  ["text for a request", [NONE], [[0, "1"]], [], "a part of it is not an integer"],
  ["a list for a place", [NONE], [[[], 1]], [], "it names no object"],
];
for (const [name, args, passedOn, keywords, text] of FAULTS) {
  Deno.test(`a call fails, and the connection goes on, when its results are given by ${name}`, async () => {
    const shop = new Shop();
    await using pair = await rawKin(shop);
    await pair.peer.say(keep(1, "text", 1), take(2, args, passedOn, keywords));
    await heard(pair);
    const [kind, id, fact] = await heard(pair) as string[];
    assertEquals([kind, id], ["error", 2]);
    assert(fact!.includes(text), fact);
    await pair.peer.say(take(4, [NONE], [[0, 1]]));
    assertEquals(await heard(pair), ["answer", 4, 1]);
    assertEquals(shop.taken, [["x"]]);
  });
}

Deno.test("a connection closes when a call has nine parts, or eight in Twisted's dialect", async () => {
  const nine = [...take(2, [NONE], [[0, 1]]) as unknown[], NONE];
  for (
    const [dialect, said] of [["perspective-1", nine], ["pb", take(2, [NONE], [[0, 1]])]] as const
  ) {
    await using pair = await rawClient(new Shop(), { hello: false });
    await pair.peer.hear();
    await pair.peer.say(dialect, ["version", 6], keep(1, "text", 1), said);
    assertInstanceOf(await pair.broker.closed, ProtocolError);
  }
});

Deno.test("a connection closes when an update of a cache passes on results", async () => {
  await using pair = await rawKin(new Shop());
  const update = ["cachemessage", 2, 1, "set", 1, ["tuple", NONE], ["dictionary"], [[0, 1]]];
  await pair.peer.say(keep(1, "text", 1), update);
  assertInstanceOf(await pair.broker.closed, ProtocolError);
});

Deno.test("a call whose arguments hold references keeps them when a result is not there", async () => {
  await using pair = await rawKin(new Shop());
  await pair.peer.say(take(2, [["remote", 5], NONE], [[1, 7]]));
  assertEquals(await heard(pair), ["error", 2, INVALID]);
  // It was taken, and is given back once, as any reference is, when the collector has found it.
  assertEquals(pair.broker.counts.remoteObjects, 1);
});

Deno.test("a call fails with the first error among its results, once all of them are known", async () => {
  const shop = new Shop();
  await using pair = await rawKin(shop);
  await pair.peer.say(keep(1, "later"), keep(2, "later"), take(3, [NONE, NONE], [[0, 1], [1, 2]]));
  await settle();
  shop.waiting[1]!.reject(new PBError("second"));
  assertEquals(await heard(pair), ["error", 2, "second"]);
  await settle();
  assertEquals(pair.broker.counts.callsIn, 2);
  shop.waiting[0]!.reject(new PBError("first"));
  assertEquals(await heard(pair), ["error", 1, "first"]);
  assertEquals(await heard(pair), ["error", 3, "second"]);
  assertEquals(pair.broker.traffic.callsReceived, 3);
});

Deno.test("a call is not passed bytes before they have arrived", async () => {
  const shop = new Shop();
  await using pair = await rawKin(shop);
  await pair.peer.say(keep(1, "bytes"), take(2, [NONE], [[0, 1]]));
  await heard(pair);
  const [kind, id, text] = await heard(pair) as string[];
  assertEquals([kind, id, shop.taken], ["error", 2, []]);
  assert(text!.startsWith("Cannot pass on the result of a call"), text);
});

Deno.test("a call waits for a result that is given back meanwhile, and not for one given back before", async () => {
  const shop = new Shop();
  await using pair = await rawKin(shop);
  await pair.peer.say(keep(1, "later"), take(2, [NONE], [[0, 1]]), ["decref", -1]);
  await pair.peer.say(take(3, [NONE], [[0, 1]]));
  assertEquals(await heard(pair), ["error", 3, INVALID]);
  shop.waiting[0]!.resolve(new Thing("ink"));
  assertEquals(await heard(pair), ["answer", 1, ["remote", 1]]);
  assertEquals(await heard(pair), ["answer", 2, 1]);
  assertEquals(shop.taken, [["ink"]]);
});

Deno.test("texts that are kept to be passed on count towards maxBufferedBytes", async () => {
  await using pair = await rawKin(new Shop(), { limits: { maxBufferedBytes: 10_000 } });
  for (const id of [1, 2]) {
    await pair.peer.say(keep(id, "text", 6000));
    assertEquals((await heard(pair) as unknown[])[1], id);
  }
  await pair.peer.say(keep(3, "text", 1));
  const [kind, , text] = await heard(pair) as string[];
  assertEquals(kind, "error");
  assert(text!.startsWith("Cannot keep the result for other calls: 12"), text);
  await pair.peer.say(["decref", -1], keep(4, "text", 1));
  assertEquals(await heard(pair), ["answer", 4, ["unicode", "x"]]);
});

Deno.test("calls that wait for results count as unanswered beyond maxPipelined, so that reading pauses", async () => {
  const shop = new Shop();
  await using pair = await rawKin(shop, { limits: { maxCallsIn: 3, maxPipelined: 2 } });
  const waiting = Array.from({ length: 50 }, (_, i) => take(i + 2, [NONE], [[0, 1]]));
  await pair.peer.say(keep(1, "later"), ...waiting);
  await settle();
  assertEquals(pair.broker.counts.callsIn, 5);
  shop.waiting[0]!.resolve(new Thing("ink"));
  await heard(pair);
  for (let id = 2; id < 52; id++) assertEquals(await heard(pair), ["answer", id, id - 1]);
});

Deno.test("a graceful close refuses calls that waited for results", async () => {
  const shop = new Shop();
  await using pair = await rawKin(shop);
  await pair.peer.say(keep(1, "later"), take(2, [NONE], [[0, 1]]));
  await settle();
  const closing = pair.broker.close({ graceful: 1000 });
  shop.waiting[0]!.resolve(new Thing("ink"));
  assertEquals(await heard(pair), ["answer", 1, ["remote", 1]]);
  const [kind, id] = await heard(pair) as unknown[];
  assertEquals([kind, id, shop.taken], ["error", 2, []]);
  await closing;
});

Deno.test("no call that waits for results begins once the connection has ended", async () => {
  const shop = new Shop();
  await using pair = await rawKin(shop);
  await pair.peer.say(keep(1, "later"), keep(2, "later"), take(3, [NONE, NONE], [[0, 1], [1, 2]]));
  await settle();
  shop.waiting[0]!.resolve(new Thing("ink"));
  await heard(pair);
  pair.peer.close();
  await pair.broker.closed;
  shop.waiting[1]!.resolve(new Thing("pen"));
  await settle();
  assertEquals(shop.taken, []);
});

Deno.test("20,000 calls, each with the result of the one before, begin one after the other", async () => {
  class Chain extends Root {
    readonly first = Promise.withResolvers<number>();
    remote_later(): Promise<number> {
      return this.first.promise;
    }
    remote_next(count: number): number {
      return count + 1;
    }
  }
  const most = 20_000;
  const chain = new Chain();
  const limits = { maxCallsIn: 2 * most, maxPipelined: 2 * most };
  await using pair = await rawKin(chain, { limits });
  const next = (
    id: number,
  ) => ["message", id, "root", "next", 2, ["tuple", NONE], ["dictionary"], [[0, id - 1]]];
  await pair.peer.say(keep(1, "later"), ...Array.from({ length: most - 1 }, (_, i) => next(i + 2)));
  await settle();
  chain.first.resolve(0);
  for (let id = 1; id <= most; id++) assertEquals(await heard(pair), ["answer", id, id - 1]);
});

Deno.test("a stranger's calls can pass on results only within the limits for strangers", async () => {
  const portal = new Portal({ requestAvatar: () => Promise.reject(new Error()) }, []);
  await using pair = await rawKin(new PortalRoot(portal, { maxStrangerReferences: 2 }));
  for (const id of [1, 2, 3]) await pair.peer.say(keep(id, "loginMechanisms"));
  for (const id of [1, 2]) assertEquals((await heard(pair) as unknown[])[0], "answer", `${id}`);
  assertEquals((await heard(pair) as unknown[])[0], "error");
});

Deno.test("a stranger's calls that wait for a login are kept only up to maxStrangerBytes", async () => {
  const open = Promise.withResolvers<string>();
  const portal = new Portal({ requestAvatar: () => [IPerspective, new Avatar(), () => {}] }, [
    new BearerTokenChecker(() => open.promise),
  ]);
  const root = new PortalRoot(portal, { secure: true });
  await using pair = await rawKin(root);
  const login = ["message", 1, "root", "loginBearer", 2, ["tuple", ["unicode", "t"], NONE], [
    "dictionary",
  ]];
  const long = ["unicode", "x".repeat(30_000)];
  const calls = Array.from(
    { length: 50 },
    (_, i) => ["message", i + 2, -1, "no", 1, ["tuple", long], ["dictionary"]],
  );
  const said = pair.peer.say(login, ...calls);
  await settle();
  assertEquals(pair.broker.counts.callsIn, 1 + 3);
  open.resolve("alice");
  for (let id = 1; id <= 51; id++) assertEquals((await pair.peer.hear() as unknown[])[1], id);
  await said;
});

for (const reuse of [false, true]) {
  Deno.test(
    `a call fails that is to be passed its own result, ${
      reuse ? "even if the request before it had the same number" : "kept or not"
    }`,
    async () => {
      await using pair = await rawKin(new Shop());
      if (reuse) {
        await pair.peer.say(keep(2, "text", 1));
        assertEquals(await heard(pair), ["answer", 2, ["unicode", "x"]]);
      }
      const own = take(2, [NONE], [[0, 2]]) as unknown[];
      await pair.peer.say(own.with(4, 2));
      assertEquals(await heard(pair), ["error", 2, INVALID]);
      assertEquals(pair.broker.counts.callsIn, 0);
    },
  );
}

Deno.test("a result is answered as always if the peer may not send one back", async () => {
  const security = new SecurityOptions().allowBasicTypes().disallowTypes("unicode");
  const shop = new Shop();
  await using pair = await rawKin(shop, { security });
  await pair.peer.say(keep(1, "text", 1), take(2, [NONE], [[0, 1]]));
  assertEquals(await heard(pair), ["answer", 1, ["unicode", "x"]]);
  const [kind, id, text] = await heard(pair) as string[];
  assertEquals([kind, id, shop.taken], ["error", 2, []]);
  assert(text!.startsWith("Cannot pass on the result of a call"), text);
  assertEquals(pair.log, []);
});

for (const method of ["take", "hold"]) {
  const kind = method === "take" ? "that wait" : "under way";
  Deno.test(`calls ${kind} count with the texts that are passed on to them, so that reading pauses`, async () => {
    class Holder extends Shop {
      remote_hold(): Promise<Thing> {
        return this.remote_later();
      }
    }
    const shop = new Holder();
    await using pair = await rawKin(shop, { limits: { maxBufferedBytes: 20_000 } });
    const later = method === "take" ? [[1, 1]] : [];
    await pair.peer.say(keep(1, "later"));
    // Each text is given back, but the call keeps it.
    let count = 1;
    for (let id = 2;; id += 2) {
      const call = take(id + 1, [NONE, NONE], [[0, id], ...later]) as unknown[];
      await pair.peer.say(keep(id, "text", 4000), call.with(3, method), ["decref", -id]);
      await settle();
      if (pair.broker.counts.callsIn === count) break;
      count++;
      assertEquals(await heard(pair), ["answer", id, ["unicode", "x".repeat(4000)]]);
    }
    assertEquals(count, 6);
    for (const { resolve } of shop.waiting.splice(0)) resolve(new Thing("ink"));
    await settle();
    assert(pair.broker.counts.callsIn < 2);
  });
}

Deno.test("a text counts once for each place that it is passed on to, so that reading pauses", async () => {
  const shop = new Shop();
  await using pair = await rawKin(shop, { limits: { maxBufferedBytes: 20_000 } });
  await pair.peer.say(keep(1, "later"), keep(2, "text", 4000));
  assertEquals(await heard(pair), ["answer", 2, ["unicode", "x".repeat(4000)]]);
  const places = [0, 1, 2, 3, 4].map((place) => [place, 2]);
  await pair.peer.say(take(3, Array(6).fill(NONE), [...places, [5, 1]]), keep(4, "text", 1));
  await settle();
  // The call that waits is as if it had brought 20,000 bytes, so the next one is not begun.
  assertEquals(pair.broker.counts.promisedResults, 2);
  shop.waiting[0]!.resolve(new Thing("ink"));
  const answers = [await heard(pair), await heard(pair), await heard(pair)];
  assertEquals(answers.map((answer) => (answer as unknown[])[1]), [1, 3, 4]);
});
