import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  NoSuchMethod,
  Referenceable,
  referenceable,
  type RemoteReference,
  Root,
} from "@perspective/broker";
import { testPair } from "../pair.ts";

interface Watcher {
  remote_tick(second: number): string;
  remote_end(): void;
}

class Clock extends Root {
  readonly watchers: RemoteReference<Watcher>[] = [];
  remote_watch(watcher: RemoteReference<Watcher>): boolean {
    this.watchers.push(watcher);
    return watcher === this.watchers[0];
  }
  async remote_call(name: string): Promise<unknown> {
    return await (this.watchers[0] as RemoteReference).callRemote(name, 7);
  }
}

Deno.test("referenceable() makes an object whose functions the peer calls, with the given object as this", async () => {
  await using pair = await testPair(new Clock());
  const clock = pair.client.root<Clock>();
  const notes = {
    count: 0,
    tick(second: number): string {
      return `${++this.count} at ${second}`;
    },
    end: () => {},
  };
  const watcher = referenceable(notes);
  assert(watcher instanceof Referenceable);
  const typed: (second: number) => string = watcher.remote_tick;
  assertEquals([typeof typed, Object.keys(watcher)], ["function", []]);
  assertEquals(await clock.callRemote("watch", watcher), true);
  assertEquals(await clock.callRemote("watch", watcher), true);
  assertEquals(await clock.callRemote("call", "tick"), "1 at 7");
  assertEquals([await clock.callRemote("call", "tick"), notes.count], ["2 at 7", 2]);
});

Deno.test("referenceable() gives peers nothing but the object's own functions", async () => {
  class Base {
    inherited() {}
  }
  await using pair = await testPair(new Clock());
  const clock = pair.client.root<Clock>();
  const functions = Object.assign(new Base(), {
    tick: (second: number) => String(second),
    end() {},
    text: "text",
  });
  await clock.callRemote("watch", referenceable(functions));
  for (
    const name of ["inherited", "constructor", "toString", "text", "__proto__", "hasOwnProperty"]
  ) {
    await assertRejects(() => clock.callRemote("call", name), NoSuchMethod, `remote_${name}`);
  }
});

Deno.test("referenceable() types the functions by what the peer expects, if it is told", async () => {
  await using pair = await testPair(new Clock());
  const clock = pair.client.root<Clock>();
  const watcher = referenceable<Watcher>({ tick: (second) => second.toFixed(1), end() {} });
  await clock.callRemote("watch", watcher);
  assertEquals(await clock.callRemote("call", "tick"), "7.0");
  (() => {
    // @ts-expect-error: a function is missing
    referenceable<Watcher>({ end() {} });
    // @ts-expect-error: it returns something else
    referenceable<Watcher>({ tick: () => 5, end() {} });
    // @ts-expect-error: the peer expects `tick` and `end`
    void clock.callRemote("watch", referenceable({ tock() {} }));
  });
});
