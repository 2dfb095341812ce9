import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import {
  callOptions,
  Copyable,
  type CopyableFailure,
  failure2Copyable,
  LimitError,
  PBError,
  ProtocolError,
  type ReceivedCall,
  Referenceable,
  type RemoteReference,
  Root,
} from "@perspective/broker/broker";
import type { IJellyable, Jellier } from "@perspective/broker/jelly";
import { CONNECTION } from "../../../broker/flavors/invoker.ts";
import { settle } from "../pair.ts";
import { heard, rawClient, rawKin } from "../raw_peer.ts";

class Thing extends Referenceable {
  constructor(readonly name: string) {
    super();
  }
  remote_name(): string {
    return this.name;
  }
}

class Shop extends Root {
  /** The calls of `later` that wait for their thing. */
  readonly waiting: PromiseWithResolvers<Thing>[] = [];
  remote_thing(name: string): Thing {
    return new Thing(name);
  }
  remote_later(): Promise<Thing> {
    const thing = Promise.withResolvers<Thing>();
    this.waiting.push(thing);
    return thing.promise;
  }
}

/** A call whose answer is wanted (1), or whose result may be called before (2). */
function call(
  id: number,
  target: unknown,
  method: string,
  answer: number,
  ...args: string[]
): unknown[] {
  const texts = args.map((text) => ["unicode", text]);
  return ["message", id, target, method, answer, ["tuple", ...texts], ["dictionary"]];
}

const INVALID = "Invalid Object ID";

Deno.test("PromisedResults: a result is called by the number of its request, before and after its answer", async () => {
  const shop = new Shop();
  await using pair = await rawKin(shop);
  await pair.peer.say(call(1, "root", "thing", 2, "tea"), call(2, -1, "name", 1));
  assertEquals(await heard(pair), ["answer", 1, ["remote", 1]]);
  assertEquals(await heard(pair), ["answer", 2, ["unicode", "tea"]]);
  await pair.peer.say(call(3, "root", "later", 2), call(4, -3, "name", 1), call(5, -1, "name", 1));
  assertEquals(await heard(pair), ["answer", 5, ["unicode", "tea"]]);
  assertEquals([pair.broker.counts.callsIn, pair.broker.counts.promisedResults], [2, 2]);
  shop.waiting[0]!.resolve(new Thing("ink"));
  assertEquals(await heard(pair), ["answer", 3, ["remote", 2]]);
  assertEquals(await heard(pair), ["answer", 4, ["unicode", "ink"]]);
  assertEquals(pair.broker.traffic.callsReceived, 5);
});

Deno.test("PromisedResults: calls that wait begin with each result that becomes known", async () => {
  const shop = new Shop();
  await using pair = await rawKin(shop);
  await pair.peer.say(
    ...[1, 2].map((id) => call(id, "root", "later", 2)),
    ...[1, 2].map((id) => call(id + 2, -id, "name", 1)),
  );
  await settle();
  for (const id of [1, 2]) {
    shop.waiting[id - 1]!.resolve(new Thing(`ink ${id}`));
    assertEquals(await heard(pair), ["answer", id, ["remote", id]]);
    assertEquals(await heard(pair), ["answer", id + 2, ["unicode", `ink ${id}`]]);
  }
});

Deno.test("PromisedResults: a result that was given back cannot be called, but waiting calls begin", async () => {
  const shop = new Shop();
  await using pair = await rawKin(shop);
  await pair.peer.say(
    call(1, "root", "later", 2),
    call(2, -1, "name", 1),
    ["decref", -1],
    call(3, -1, "name", 1),
  );
  assertEquals(await heard(pair), ["error", 3, INVALID]);
  assertEquals(pair.broker.counts.promisedResults, 0);
  shop.waiting[0]!.resolve(new Thing("ink"));
  assertEquals(await heard(pair), ["answer", 1, ["remote", 1]]);
  assertEquals(await heard(pair), ["answer", 2, ["unicode", "ink"]]);
  // There is nothing to give back, which is no fault: calls that failed leave nothing.
  await pair.peer.say(["decref", -1], ["decref", -77], call(4, -77, "name", 1));
  assertEquals(await heard(pair), ["error", 4, INVALID]);
});

Deno.test("PromisedResults: an object whose references were given back cannot be called as a result", async () => {
  await using pair = await rawKin(new Shop());
  await pair.peer.say(call(1, "root", "thing", 2, "tea"), ["decref", 1], call(2, -1, "name", 1));
  assertEquals(await heard(pair), ["answer", 1, ["remote", 1]]);
  assertEquals(await heard(pair), ["error", 2, INVALID]);
});

Deno.test("PromisedResults: no call can be made of its own result, or of a later one", async () => {
  await using pair = await rawKin(new Shop());
  await pair.peer.say(call(1, -1, "name", 2), call(2, -3, "name", 2), call(3, -2, "name", 1));
  for (const id of [1, 2, 3]) assertEquals(await heard(pair), ["error", id, INVALID]);
});

Deno.test("PromisedResults: a request number that is used again stands for the newer result", async () => {
  const shop = new Shop();
  await using pair = await rawKin(shop);
  await pair.peer.say(
    call(1, "root", "later", 2),
    call(2, -1, "name", 1),
    call(1, "root", "thing", 2, "new"),
    call(3, -1, "name", 1),
  );
  assertEquals(await heard(pair), ["answer", 1, ["remote", 1]]);
  assertEquals(await heard(pair), ["answer", 3, ["unicode", "new"]]);
  shop.waiting[0]!.resolve(new Thing("old"));
  assertEquals(await heard(pair), ["answer", 1, ["remote", 2]]);
  assertEquals(await heard(pair), ["answer", 2, ["unicode", "old"]]);
});

for (const id of [0, -1, 2 ** 31]) {
  const isKept = id > 0;
  Deno.test(`PromisedResults: request ${id} is ${isKept ? "" : "not "}kept`, async () => {
    await using pair = await rawKin(new Shop());
    await pair.peer.say(call(id, "root", "thing", 2, "tea"));
    assertEquals(await heard(pair), ["answer", id, ["remote", 1]]);
    assertEquals(pair.broker.counts.promisedResults, isKept ? 1 : 0);
  });
}

Deno.test("PromisedResults: in Twisted's dialect, there are none", async () => {
  await using pair = await rawClient(new Shop());
  await pair.peer.say(call(1, "root", "thing", 2, "tea"), call(2, -1, "name", 1));
  assertEquals(await heard(pair), ["answer", 1, ["remote", 1]]);
  assertEquals(await heard(pair), ["error", 2, INVALID]);
  await pair.peer.say(["decref", -1]);
  assertInstanceOf(await pair.broker.closed, ProtocolError);
});

Deno.test("PromisedResults: one more than maxPipelined fails, and the connection goes on", async () => {
  const shop = new Shop();
  await using pair = await rawKin(shop, { limits: { maxPipelined: 2 } });
  const answers = [1, 2, 3, 4].map((id) => call(id, "root", "thing", 2, "tea"));
  await pair.peer.say(...answers, call(5, -3, "name", 1));
  assertEquals(await heard(pair), ["answer", 1, ["remote", 1]]);
  assertEquals(await heard(pair), ["answer", 2, ["remote", 2]]);
  const fact = "Cannot keep the result for other calls: 2 are kept";
  for (const id of [3, 4]) assertEquals(await heard(pair), ["error", id, fact]);
  assertEquals(await heard(pair), ["error", 5, INVALID]);
  await pair.peer.say(["decref", -1], call(6, "root", "thing", 2, "tea"));
  assertEquals(await heard(pair), ["answer", 6, ["remote", 3]]);
  assertEquals(new LimitError("maxPipelined", fact).limit, "maxPipelined");
});

Deno.test("PromisedResults: calls that wait count as unanswered beyond maxPipelined, so that reading pauses", async () => {
  const shop = new Shop();
  await using pair = await rawKin(shop, { limits: { maxCallsIn: 3, maxPipelined: 2 } });
  const waiting = Array.from({ length: 50 }, (_, i) => call(i + 2, -1, "name", 1));
  await pair.peer.say(call(1, "root", "later", 2), ...waiting);
  await settle();
  assertEquals(pair.broker.counts.callsIn, 5);
  shop.waiting[0]!.resolve(new Thing("ink"));
  assertEquals(await heard(pair), ["answer", 1, ["remote", 1]]);
  for (let id = 2; id < 52; id++) {
    assertEquals(await heard(pair), ["answer", id, ["unicode", "ink"]]);
  }
});

Deno.test("PromisedResults: calls that have waited no longer count once they have begun", async () => {
  const shop = new Shop();
  const limits = { maxCallsIn: 3, maxPipelined: 2, maxBufferedBytes: 10_000 };
  await using pair = await rawKin(shop, { limits });
  const long = "x".repeat(4000);
  const waiting = [2, 3, 4].map((id) => call(id, -1, "name", 1, long));
  await pair.peer.say(call(1, "root", "later", 2), ...waiting, call(5, "root", "later", 1));
  await settle();
  // Until then, their bytes are as many as may be kept.
  assertEquals(shop.waiting.length, 1);
  shop.waiting[0]!.resolve(new Thing("ink"));
  for (let i = 0; i < 4; i++) await pair.peer.hear();
  // Just as many calls are begun as if nothing had waited.
  for (let id = 6; id < 15; id++) await pair.peer.say(call(id, "root", "later", 1));
  await settle();
  assertEquals([shop.waiting.length, pair.broker.counts.callsIn], [1 + 3, 3]);
});

Deno.test("PromisedResults: a graceful close refuses calls of results that were not known yet", async () => {
  const shop = new Shop();
  await using pair = await rawKin(shop);
  await pair.peer.say(call(1, "root", "later", 2), call(2, -1, "name", 1));
  await settle();
  const closing = pair.broker.close({ graceful: 1000 });
  shop.waiting[0]!.resolve(new Thing("ink"));
  assertEquals(await heard(pair), ["answer", 1, ["remote", 1]]);
  const [kind, id, text] = await heard(pair) as unknown[];
  assertEquals([kind, id], ["error", 2]);
  assertEquals(text, "Cannot take call: this end of the connection goes away");
  await closing;
});

Deno.test("PromisedResults: calls that may begin while an answer is being written are answered after it, in order", async () => {
  const abort = new AbortController();
  const { signal } = abort;
  class Page extends Copyable {
    override getStateToCopy(): object {
      // Once nobody waits for its answer, calls that had to wait may begin.
      abort.abort();
      return {};
    }
  }
  class Book extends Thing {
    remote_page(): Page {
      return new Page();
    }
  }
  const shop = new Shop();
  await using pair = await rawKin(shop, { limits: { maxCallsIn: 2, maxPipelined: 1 } });
  const asked = assertRejects(() => pair.broker.root().callRemote("ask", callOptions({ signal })));
  assertEquals((await pair.peer.hear() as unknown[])[3], "ask");
  await pair.peer.say(
    call(1, "root", "later", 2),
    call(2, -1, "page", 1),
    call(3, -1, "name", 1),
    call(4, "root", "thing", 1, "tea"),
    call(5, "root", "none", 1),
  );
  await settle();
  assertEquals(pair.broker.counts.callsIn, 3);
  shop.waiting[0]!.resolve(new Book("ink"));
  await asked;
  const heardOf = [];
  for (let i = 0; i < 5; i++) heardOf.push((await pair.peer.hear() as unknown[]).slice(0, 2));
  assertEquals(heardOf, [["answer", 1], ["answer", 2], ["answer", 3], ["answer", 4], ["error", 5]]);
  await pair.peer.say(["answer", 1, ["None"]]);
});

Deno.test("PromisedResults: nothing begins, and nothing is left, once the connection has ended", async () => {
  const shop = new Shop();
  let named = 0;
  const thing = new Thing("ink");
  thing.remote_name = () => `${++named}`;
  await using pair = await rawKin(shop);
  await pair.peer.say(call(1, "root", "later", 2), call(2, -1, "name", 2));
  await settle();
  pair.peer.close();
  await pair.broker.closed;
  shop.waiting[0]!.resolve(thing);
  await settle();
  assertEquals(named, 0);
});

for (const isRight of [true, false]) {
  const outcome = isRight ? "succeed" : "fail";
  Deno.test(`PromisedResults: 20,000 calls, each of the result of the one before, ${outcome}`, async () => {
    class Chain extends Root {
      readonly first = Promise.withResolvers<Chain>();
      remote_later(): Promise<Chain> {
        return this.first.promise;
      }
      remote_next(): Chain {
        return this;
      }
    }
    const chain = new Chain();
    const most = 20_000;
    const limits = { maxCallsIn: 2 * most, maxPipelined: 2 * most, maxReferences: 2 * most };
    await using pair = await rawKin(chain, { limits });
    const calls = Array.from({ length: most - 1 }, (_, i) => call(i + 2, -i - 1, "next", 2));
    await pair.peer.say(call(1, "root", "later", 2), ...calls);
    await settle();
    if (isRight) chain.first.resolve(chain);
    else chain.first.reject(new PBError("no"));
    for (let id = 1; id <= most; id++) {
      const message = await heard(pair) as unknown[];
      assertEquals(message.slice(0, 2), [isRight ? "answer" : "error", id]);
    }
    assertEquals(pair.broker.traffic.callsReceived, most);
  });
}

Deno.test("BrokerOptions.aroundCall sees a call of a result once its object is known", async () => {
  const shop = new Shop();
  const seen: Pick<ReceivedCall, "target" | "method">[] = [];
  await using pair = await rawKin(shop, {
    aroundCall({ target, method }, next) {
      seen.push({ target, method });
      return next();
    },
  });
  await pair.peer.say(call(1, "root", "later", 2), call(2, -1, "name", 1));
  await settle();
  assertEquals(seen.map(({ method }) => method), ["later"]);
  const thing = new Thing("ink");
  shop.waiting[0]!.resolve(thing);
  await heard(pair);
  await heard(pair);
  assertEquals(seen, [{ target: shop, method: "later" }, { target: thing, method: "name" }]);
});

for (const name of ["echo", "echoLater"]) {
  Deno.test(`PromisedResults: data from the peer that looks like an object of ours is data (${name})`, async () => {
    class Echo extends Shop {
      remote_echo(value: unknown): unknown {
        return value;
      }
      async remote_echoLater(value: unknown): Promise<unknown> {
        return await value;
      }
    }
    await using pair = await rawKin(new Echo());
    // So that objects of ours have numbers at all.
    await pair.peer.say(call(1, "root", "thing", 1, "tea"));
    assertEquals(await heard(pair), ["answer", 1, ["remote", 1]]);
    const data = ["dictionary", [["unicode", "processUniqueID"], 1]];
    const echo = ["message", 2, "root", name, 2, ["tuple", data], ["dictionary"]];
    await pair.peer.say(echo, call(3, -2, "name", 1));
    assertEquals(await heard(pair), ["answer", 2, data]);
    assertEquals(await heard(pair), [
      "error",
      3,
      `Cannot call the result of "${name}": it is not a reference`,
    ]);
  });
}

Deno.test("PromisedResults: a result is called as what it was sent as", async () => {
  class Wrapped extends Thing {
    override jellyFor(jellier: Jellier): void {
      jellier.jelly(this.name);
    }
  }
  class Wrapping implements IJellyable {
    readonly thing = new Thing("ink");
    jellyFor(jellier: Jellier): void {
      jellier.jelly(this.thing);
    }
  }
  class Odd extends Shop {
    remote_stub(reference: RemoteReference): unknown {
      return reference.remote;
    }
    remote_wrapped(): Thing {
      return new Wrapped("tea");
    }
    remote_wrapping(): Wrapping {
      return new Wrapping();
    }
  }
  await using pair = await rawKin(new Odd());
  const stub = ["message", 1, "root", "stub", 2, ["tuple", ["remote", 5]], ["dictionary"]];
  await pair.peer.say(call(2, "root", "wrapping", 2), call(3, -2, "name", 1), stub);
  assertEquals(await heard(pair), ["answer", 2, ["remote", 1]]);
  assertEquals(await heard(pair), ["answer", 3, ["unicode", "ink"]]);
  // Nothing is called to find out what it is, least of all the peer.
  assertEquals(await heard(pair), ["answer", 1, ["local", 5]]);
  await pair.peer.say(
    call(4, "root", "wrapped", 2),
    call(5, -4, "name", 1),
    call(6, -1, "name", 1),
  );
  assertEquals(await heard(pair), ["answer", 4, ["unicode", "tea"]]);
  for (const [id, method] of [[5, "wrapped"], [6, "stub"]]) {
    const fact = `Cannot call the result of "${method}": it is not a reference`;
    assertEquals(await heard(pair), ["error", id, fact]);
  }
});

Deno.test("PromisedResults: large calls that failed are kept up to maxBufferedBytes", async () => {
  const limits = { maxBufferedBytes: 200_000 };
  await using pair = await rawKin(new Shop(), { limits });
  // The error repeats it.
  const long = "x".repeat(60_000);
  await pair.peer.say(call(1, "root", long, 2), call(2, "root", long, 2));
  for (const id of [1, 2]) {
    const [kind, request, text] = await heard(pair) as string[];
    assertEquals([kind, request], ["error", id]);
    assert(text!.startsWith("No such method: remote_xxx"), text);
  }
  await pair.peer.say(call(3, "root", "thing", 2, "tea"), call(4, "root", "thing", 1, "tea"));
  const [kind, id, text] = await heard(pair) as string[];
  assertEquals([kind, id], ["error", 3]);
  const fact =
    /^Cannot keep the result .*: \d+ bytes of calls whose results cannot be called are kept$/;
  assert(fact.test(text!), text);
  assertEquals(await heard(pair), ["answer", 4, ["remote", 1]]);
  // One that is given back, or whose number is used again, makes room.
  await pair.peer.say(["decref", -1], call(2, "root", "thing", 2, "tea"), call(5, -2, "name", 1));
  assertEquals(await heard(pair), ["answer", 2, ["remote", 2]]);
  assertEquals(await heard(pair), ["answer", 5, ["unicode", "tea"]]);
  await pair.peer.say(call(6, "root", long, 2));
  await heard(pair);
  await pair.peer.say(call(7, "root", "thing", 2, "tea"));
  assertEquals(await heard(pair), ["answer", 7, ["remote", 3]]);
});

Deno.test("PromisedResults: of large calls that succeeded, those count whose result is no reference", async () => {
  class Void extends Shop {
    remote_nothing(): void {}
  }
  await using pair = await rawKin(new Void(), { limits: { maxBufferedBytes: 100_000 } });
  const long = "x".repeat(60_000);
  for (const id of [1, 2, 3]) {
    await pair.peer.say(call(id, "root", "thing", 2, long));
    assertEquals(await heard(pair), ["answer", id, ["remote", id]]);
  }
  await pair.peer.say(["decref", -1]);
  for (const id of [4, 5]) {
    await pair.peer.say(call(id, "root", "nothing", 2, long));
    assertEquals(await heard(pair), ["answer", id, ["None"]]);
  }
  await pair.peer.say(call(6, "root", "nothing", 2));
  const [kind, id, text] = await heard(pair) as string[];
  assertEquals([kind, id], ["error", 6]);
  assert(/: \d+ bytes of calls whose results cannot be called are kept$/.test(text!), text);
  await pair.peer.say(["decref", -4], call(7, "root", "nothing", 2));
  assertEquals(await heard(pair), ["answer", 7, ["None"]]);
});

Deno.test("PromisedResults: a call that fails after its result was given back is not kept", async () => {
  const shop = new Shop();
  await using pair = await rawKin(shop, { limits: { maxBufferedBytes: 100 } });
  for (let id = 1; id <= 10; id++) {
    await pair.peer.say(call(id, "root", "later", 2), ["decref", -id]);
    await settle();
    shop.waiting.shift()!.reject(new PBError("no"));
    assertEquals(await heard(pair), ["error", id, "no"]);
  }
  await pair.peer.say(call(11, "root", "thing", 2, "tea"));
  assertEquals(await heard(pair), ["answer", 11, ["remote", 1]]);
});

Deno.test("PromisedResults: a failure that is returned is one for calls of the result, too", async () => {
  class Returning extends Shop {
    remote_failure(): CopyableFailure {
      return failure2Copyable(new PBError("not today"));
    }
  }
  await using pair = await rawKin(new Returning());
  await pair.peer.say(call(1, "root", "failure", 2), call(2, -1, "name", 1));
  assertEquals((await pair.peer.hear() as unknown[]).slice(0, 2), ["answer", 1]);
  assertEquals(await heard(pair), ["error", 2, "not today"]);
});

Deno.test("PromisedResults: a call of a result that is no reference is logged, as of a missing method", async () => {
  await using pair = await rawKin(new Shop());
  const fact = 'Cannot call the result of "name": it is not a reference';
  await pair.peer.say(call(1, "root", "thing", 2, "tea"), call(2, -1, "name", 2));
  await pair.peer.say(call(3, -2, "length", 1));
  for (let i = 0; i < 2; i++) await heard(pair);
  assertEquals(await heard(pair), ["error", 3, fact]);
  assertEquals(
    pair.log.map(({ level, message }) => [level, message]),
    [["warning", `Call of "length" failed: ${fact}; the peer is told`]],
  );
});

Deno.test("PromisedResults: an object that is given back is released once the calls of it that wait have begun", async () => {
  class Account extends Thing {
    remote_take(value: unknown): unknown {
      return value;
    }
  }
  const shop = new Shop();
  await using pair = await rawKin(shop);
  const { peer, broker } = pair;
  const ink = new Account("ink");
  const gone: string[] = [];
  shop.remote_thing = () => {
    broker[CONNECTION].onRelease(ink, () => gone.push("ink"));
    return ink;
  };
  const wait = (id: number, target: number) => [
    ...call(id, target, "take", 1).slice(0, 5),
    ["tuple", ["None"]],
    ["dictionary"],
    [[0, 1]],
  ];
  await peer.say(call(1, "root", "later", 2), call(2, "root", "thing", 2, "ink"));
  assertEquals(await heard(pair), ["answer", 2, ["remote", 1]]);
  // One call by its number and one as the result, both before it is given back; one after that.
  await peer.say(wait(3, 1), wait(4, -2), ["decref", 1], call(5, 1, "name", 1));
  assertEquals(await heard(pair), ["error", 5, INVALID]);
  assertEquals([gone, broker.counts.localObjects], [[], 2]);
  shop.waiting[0]!.resolve(new Thing("pen"));
  assertEquals(await heard(pair), ["answer", 1, ["remote", 2]]);
  for (const id of [3, 4]) assertEquals(await heard(pair), ["answer", id, ["remote", 2]]);
  assertEquals([gone, broker.counts.localObjects], [["ink"], 2]);
});

Deno.test("PromisedResults: an object that waiting calls hold cannot be given back twice, but sent again", async () => {
  const shop = new Shop();
  const pair = await rawKin(shop);
  const { peer, broker } = pair;
  const ink = new Thing("ink");
  shop.remote_thing = () => ink;
  const wait = [...call(3, 1, "name", 1), [[0, 1]]].with(5, ["tuple", ["None"]]);
  await peer.say(call(1, "root", "later", 2), call(2, "root", "thing", 1), wait, ["decref", 1]);
  assertEquals(await heard(pair), ["answer", 2, ["remote", 1]]);
  await peer.say(call(4, "root", "thing", 1));
  assertEquals(await heard(pair), ["answer", 4, ["remote", 1]]);
  await peer.say(call(5, 1, "name", 1), ["decref", 1]);
  assertEquals(await heard(pair), ["answer", 5, ["unicode", "ink"]]);
  await peer.say(["decref", 1]);
  assertInstanceOf(await broker.closed, ProtocolError);
  await pair[Symbol.asyncDispose]();
});

Deno.test("PromisedResults: not more than maxCallsIn of the calls that have waited run at once, and in order", async () => {
  class Slow extends Thing {
    readonly waiting: PromiseWithResolvers<number>[] = [];
    remote_work(): Promise<number> {
      const work = Promise.withResolvers<number>();
      this.waiting.push(work);
      return work.promise;
    }
  }
  const shop = new Shop();
  await using pair = await rawKin(shop, { limits: { maxCallsIn: 3 } });
  await pair.peer.say(call(1, "root", "later", 2));
  for (let id = 2; id < 12; id++) await pair.peer.say(call(id, -1, "work", 1));
  await settle();
  const slow = new Slow("ink");
  shop.waiting[0]!.resolve(slow);
  assertEquals(await heard(pair), ["answer", 1, ["remote", 1]]);
  await pair.peer.say(call(12, "root", "later", 1));
  for (let id = 2; id < 12; id++) {
    await settle();
    // The call that came after them has to wait for its turn, too.
    assertEquals([slow.waiting.length, shop.waiting.length], [
      Math.min(id + 1, 10),
      id < 10 ? 1 : 2,
    ]);
    slow.waiting[id - 2]!.resolve(id);
    assertEquals(await heard(pair), ["answer", id, id]);
  }
  shop.waiting[1]!.resolve(new Thing("pen"));
  assertEquals(await heard(pair), ["answer", 12, ["remote", 2]]);
  assertEquals(pair.broker.counts.callsIn, 0);
});

Deno.test("PromisedResults: others get a turn while many calls begin that have waited", async () => {
  class Busy extends Thing {
    remote_work(): void {
      for (const end = performance.now() + 1; performance.now() < end;);
      begun++;
    }
  }
  let begun = 0;
  const shop = new Shop();
  await using pair = await rawKin(shop);
  await pair.peer.say(call(1, "root", "later", 2));
  for (let id = 2; id < 52; id++) await pair.peer.say(call(id, -1, "work", 0));
  await settle();
  const turn = new Promise<number>((resolve) => setTimeout(() => resolve(begun), 0));
  shop.waiting[0]!.resolve(new Busy("ink"));
  assert(await turn < 50);
  assertEquals(await heard(pair), ["answer", 1, ["remote", 1]]);
  while (begun < 50) await new Promise((resolve) => setTimeout(resolve, 1));
});

Deno.test("PromisedResults: errors that are kept count with their messages", async () => {
  class Faulty extends Shop {
    remote_fail(): never {
      throw new PBError("x".repeat(30_000));
    }
  }
  await using pair = await rawKin(new Faulty(), { limits: { maxBufferedBytes: 100_000 } });
  const told: unknown[] = [];
  for (let id = 1; id <= 5; id++) {
    await pair.peer.say(call(id, "root", "fail", 2));
    told.push(String((await heard(pair) as unknown[])[2]).slice(0, 5));
  }
  assertEquals(told, ["xxxxx", "xxxxx", "xxxxx", "xxxxx", "Canno"]);
});
