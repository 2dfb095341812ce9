// Tests of types: what the compiler must infer and must refuse. Few of them run anything.

import { assertType, type IsExact } from "@std/testing/types";
import { assertEquals, assertRejects } from "@std/assert";
import {
  type AsReferenceable,
  Avatar,
  type Broker,
  Cacheable,
  type CallOptions,
  callOptions,
  connectPair,
  type Copyable,
  type CopyableFailure,
  getAllPages,
  type Implements,
  type Kwargs,
  kwargs,
  pagesAsStream,
  type Passable,
  type PassedOn,
  type Received,
  type ReceivedMap,
  Referenceable,
  RemoteCache,
  RemoteCopy,
  type RemoteError,
  type RemoteMethod,
  type RemoteReference,
  Root,
  type Sendable,
  StringPager,
  type Unsendable,
  Viewable,
  type ViewPoint,
} from "@perspective/broker/broker";
import {
  Decimal,
  Float,
  FrozenSet,
  JellyRegistry,
  type Tuple,
  tuple,
  type Unpersistable,
} from "@perspective/broker/jelly";

class Listener extends Referenceable {
  remote_called(value: number): string {
    return `${value}`;
  }
}

class User extends Avatar {
  perspective_whoami(): string {
    return "alice";
  }
  remote_hidden(): void {}
}

class Page extends Viewable {
  view_read(user: User, from: number): string {
    return `${user.perspective_whoami()} ${from}`;
  }
}

export class Score extends Cacheable {
  points = 0;
}

export class ScoreCache extends RemoteCache {
  points = 0;
}

export class ScoreCopy extends RemoteCopy {
  points = 0;
}

/** The interface of a Python object, as a program may declare it. */
interface PythonCounter {
  remote_add(n: number): number;
  remote_total?(): bigint;
}

class Service extends Root {
  readonly counter: PythonCounter = { remote_add: (n) => n };
  remote_text = "no method";
  remote_echo(text: string): string {
    return text;
  }
  remote_later(): Promise<number[]> {
    return Promise.resolve([1]);
  }
  remote_nothing(): void {}
  remote_fail(): never {
    throw new Error("on purpose");
  }
  remote_greet(name: string, polite?: boolean, times = 1): string {
    return `${polite ? "Dear " : ""}${name}`.repeat(times);
  }
  remote_sum(first: number, ...rest: number[]): number {
    return rest.reduce((sum, n) => sum + n, first);
  }
  remote_move(x: number, by: Kwargs<{ dx?: number; dy?: number }> = kwargs({})): number {
    return x + (by.dx ?? 0);
  }
  remote_open(kw: Kwargs = kwargs({})): string[] {
    return Object.keys(kw);
  }
  remote_watch(listener: RemoteReference<Listener>): Promise<string> {
    return listener.callRemote("called", 1);
  }
  remote_watchAll(listeners: { on: RemoteReference<Listener>[] }): number {
    return listeners.on.length;
  }
  remote_listener(): Listener {
    return new Listener();
  }
  remote_isListener(listener: Listener): boolean {
    return listener instanceof Listener;
  }
  remote_python(): PythonCounter {
    return this.counter;
  }
  remote_page(): Page {
    return new Page();
  }
  remote_user(): User {
    return new User();
  }
  remote_order(order: { id: number | bigint; note?: string | null }): { id: bigint; at: Date } {
    return { id: BigInt(order.id), at: new Date(0) };
  }
  local(): void {}
}

declare const service: RemoteReference<Service>;
declare const untyped: RemoteReference;
declare const broker: Broker;

/** Takes calls that are only compiled, and never makes them. */
function compiled(_calls: () => unknown): void {}

Deno.test("Received<T> is the type that arrives for each row of the table of values", () => {
  assertType<IsExact<Received<null | undefined>, null>>(true);
  assertType<IsExact<Received<void>, void>>(true);
  assertType<IsExact<Received<void | string>, null | string>>(true);
  assertType<IsExact<Received<boolean>, boolean>>(true);
  assertType<IsExact<Received<number>, number>>(true);
  assertType<IsExact<Received<1 | 2>, 1 | 2>>(true);
  assertType<IsExact<Received<Float>, number>>(true);
  assertType<IsExact<Received<bigint>, number | bigint>>(true);
  assertType<IsExact<Received<string>, string>>(true);
  assertType<IsExact<Received<"a" | "b">, "a" | "b">>(true);
  assertType<IsExact<Received<Uint8Array>, Uint8Array>>(true);
  assertType<IsExact<Received<Uint8Array<ArrayBuffer>>, Uint8Array>>(true);
  assertType<IsExact<Received<bigint[]>, (number | bigint)[]>>(true);
  assertType<IsExact<Received<readonly Date[]>, readonly Temporal.PlainDateTime[]>>(true);
  assertType<IsExact<Received<[Float, string?]>, [number, (string | null)?]>>(true);
  assertType<
    IsExact<Received<Tuple<[Date, bigint]>>, Tuple<[Temporal.PlainDateTime, number | bigint]>>
  >(true);
  assertType<IsExact<Received<{ a: Float; b: undefined }>, { a: number; b: null }>>(true);
  assertType<IsExact<Received<Record<string, bigint>>, Record<string, number | bigint>>>(true);
  assertType<IsExact<Received<Map<string, Date>>, Record<string, Temporal.PlainDateTime>>>(true);
  assertType<
    IsExact<Received<Map<number, Float>>, Map<number, number> | Record<string, never>>
  >(true);
  assertType<
    IsExact<
      Received<ReadonlyMap<string | number, Float>>,
      Map<string | number, number> | Record<string, number>
    >
  >(true);
  assertType<IsExact<Received<Map<"a" | "b", 1>>, { a?: 1; b?: 1 }>>(true);
  assertType<IsExact<Received<Set<Float>>, Set<number>>>(true);
  assertType<IsExact<Received<FrozenSet<Float>>, FrozenSet<number>>>(true);
  assertType<IsExact<Received<ReadonlySet<Float>>, ReadonlySet<number>>>(true);
  assertType<IsExact<Received<Date>, Temporal.PlainDateTime>>(true);
  assertType<IsExact<Received<Temporal.PlainDateTime>, Temporal.PlainDateTime>>(true);
  assertType<IsExact<Received<Temporal.PlainDate>, Temporal.PlainDate>>(true);
  assertType<IsExact<Received<Temporal.PlainTime>, Temporal.PlainTime>>(true);
  assertType<IsExact<Received<Temporal.Duration>, Temporal.Duration>>(true);
  assertType<IsExact<Received<Decimal>, Decimal>>(true);
  assertType<IsExact<Received<Listener>, RemoteReference<Listener>>>(true);
  assertType<IsExact<Received<User>, RemoteReference<User>>>(true);
  assertType<IsExact<Received<Page>, RemoteReference<Page>>>(true);
  assertType<IsExact<Received<ViewPoint<Page>>, RemoteReference<Page>>>(true);
  assertType<IsExact<Received<AsReferenceable<User>>, RemoteReference<User>>>(true);
  assertType<IsExact<Received<PythonCounter>, RemoteReference<PythonCounter>>>(true);
  assertType<IsExact<Received<RemoteReference<Listener>>, Listener>>(true);
  assertType<IsExact<Received<RemoteReference<User>>, AsReferenceable<User>>>(true);
  assertType<IsExact<Received<RemoteReference<Page>>, ViewPoint<Page>>>(true);
  assertType<IsExact<Received<RemoteReference>, unknown>>(true);
  assertType<IsExact<Received<Score>, { points: number }>>(true);
  assertType<IsExact<Received<ScoreCache>, ScoreCache>>(true);
  assertType<IsExact<Received<ScoreCopy>, ScoreCopy>>(true);
});

Deno.test("Received<T> says what to send instead of what cannot be sent", async () => {
  class Shop {
    name = "corner";
    open(): void {}
  }
  class Results extends Root {
    remote_stream(): ReadableStream<string> {
      return ReadableStream.from(["a"]);
    }
    async *remote_generate(): AsyncGenerator<number> {
      yield await Promise.resolve(1);
    }
    *remote_iterate(): Generator<number> {
      yield 1;
    }
    remote_shop(): Shop {
      return new Shop();
    }
    remote_error(): Error {
      return new Error("on purpose");
    }
    remote_callback(): () => void {
      return () => {};
    }
    remote_symbol(): symbol {
      return Symbol("on purpose");
    }
    remote_url(): URL {
      return new URL("pb://host");
    }
    remote_fine(): number {
      return 1;
    }
  }
  await using pair = await connectPair(new Results(), { server: { log: () => {} } });
  const { remote } = pair.client.root<Results>();
  const refused = <Why extends string>(call: Promise<Unsendable<Why>>, why: Why, fact: string) =>
    assertRejects(() => call, Error, fact, why);
  const stream = "a stream is sent in pages: see StreamPager and docs/paging.md";
  await refused(remote.stream(), stream, stream);
  await refused(remote.generate(), stream, stream);
  await refused(
    remote.iterate(),
    "of several items, send an array: declare that",
    "send an array of its items",
  );
  await refused(
    remote.shop(),
    "an object with methods must be Referenceable, Copyable or Cacheable: declare that",
    "class Shop is neither Referenceable, Copyable nor Cacheable",
  );
  await refused(
    remote.error(),
    "an error is not a value: throw it, or send failure2Copyable(error)",
    "throw it, or send failure2Copyable(error)",
  );
  await refused(remote.callback(), "functions and symbols cannot be sent", "functions and classes");
  await refused(remote.symbol(), "functions and symbols cannot be sent", "a symbol has no form");
  await refused(remote.url(), "it cannot be sent: declare a text or a plain object", "class URL");
  assertEquals(await remote.fine(), 1);

  const unsendable = <T extends Unsendable<string>>(_value?: T): void => {};
  unsendable<Received<Float32Array | ArrayBuffer | DataView>>();
  unsendable<Received<Blob | RegExp | AsyncIterable<number> | Iterable<number>>>();
  unsendable<Received<Temporal.Instant | Temporal.ZonedDateTime>>();
  unsendable<
    Received<{ later: Promise<number>; error: TypeError }>[
      "later" | "error"
    ]
  >();
  unsendable<Received<typeof Listener>>();
  unsendable<Received<Record<string, () => void>>>();
  unsendable<Received<Shop[]>[number]>();
  // What may be sent is not affected by what stands beside it.
  assertType<IsExact<Extract<Received<string | URL>, string>, string>>(true);
  assertType<IsExact<Received<Unpersistable>, Unpersistable>>(true);
  // deno-lint-ignore no-explicit-any -- any may be data
  assertType<IsExact<Received<{ x: any; y?: unknown }>, { x: any; y?: unknown }>>(true);
  type Feed = Referenceable & AsyncIterable<number>;
  assertType<IsExact<Received<Feed>, RemoteReference<Feed>>>(true);
});

Deno.test("Received<T> keeps any and unknown, and handles recursive types", () => {
  assertType<IsExact<Received<unknown>, unknown>>(true);
  // deno-lint-ignore no-explicit-any -- any stays any
  assertType<IsExact<Received<any>, any>>(true);
  assertType<IsExact<Received<never>, never>>(true);
  assertType<IsExact<Received<unknown[]>, unknown[]>>(true);
  assertType<IsExact<Received<string | Date>, string | Temporal.PlainDateTime>>(true);
  assertType<IsExact<Received<{ a?: Date }>, { a?: Temporal.PlainDateTime | null }>>(true);
  assertType<IsExact<Received<{ readonly a: 1; [Symbol.dispose](): void }>, { readonly a: 1 }>>(
    true,
  );

  interface Folder {
    size: bigint;
    folders: Folder[];
  }
  const folder = null as unknown as Received<Folder>;
  compiled(() => {
    const size: number | bigint = folder.folders[0]!.folders[0]!.size;
    // @ts-expect-error a bigint may arrive as a number
    const wrong: bigint = folder.folders[0]!.size;
    return [size, wrong];
  });
});

/** JSON values, a recursive type. */
type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

Deno.test("Received<T> and Sendable<T> handle recursive arrays, and keep fixed-length lists", async () => {
  type Nested = string | readonly Nested[];
  class Store extends Root {
    remote_put(value: Json): Json {
      return value;
    }
    remote_nest(value: Nested): Nested {
      return value;
    }
  }
  await using pair = await connectPair(new Store());
  const store = pair.client.root<Store>();
  const value: Json = { a: [1, [true, [null, { b: [] }]]] };
  const back: Json = await store.callRemote("put", value);
  assertEquals(back, value);
  const nested: Nested = await store.remote.nest(["a", ["b", ["c"]]]);
  assertEquals(nested, ["a", ["b", ["c"]]]);
  compiled(() => {
    // @ts-expect-error a Date is not JSON
    store.callRemote("put", [new Date()]);
    // @ts-expect-error a number is not a nest of texts
    store.remote.nest(["a", [1]]);
  });
  assertType<IsExact<Received<readonly bigint[][]>, readonly (number | bigint)[][]>>(true);
  assertType<
    IsExact<Received<[Date, ...bigint[]]>, [Temporal.PlainDateTime, ...(number | bigint)[]]>
  >(
    true,
  );
  assertType<IsExact<Sendable<[string, ...number[]]>, [string, ...(number | Float)[]]>>(true);
});

Deno.test("arrivesAs gives the type of a copy or cache at the other end", async () => {
  class View extends RemoteCache {
    points = 0;
    get isWon(): boolean {
      return this.points > 9;
    }
  }
  class Game extends Cacheable {
    static readonly jellyName = "types.Game";
    declare readonly arrivesAs: View;
    points = 10;
  }
  class Table extends Root {
    remote_game(): Game {
      return new Game();
    }
    remote_games(): { all: Game[] } {
      return { all: [] };
    }
  }
  const registry = new JellyRegistry();
  registry.setUnjellyableForClass(Game, View);
  await using pair = await connectPair(new Table(), { client: { registry } });
  using game = await pair.client.root<Table>().callRemote("game");
  assertType<IsExact<typeof game, View>>(true);
  assertEquals(game.isWon, true);
  assertEquals("arrivesAs" in new Game(), false);
  assertType<IsExact<Received<{ all: Game[] }>, { all: View[] }>>(true);
  assertType<IsExact<Sendable<Game>, Game | View>>(true);
  assertType<IsExact<Sendable<Cacheable>, Cacheable | RemoteCache>>(true);
});

Deno.test("callRemote() accepts only names of remote methods, without their prefix", () => {
  compiled(() => {
    service.callRemote("echo", "hi");
    service.remote.echo("hi");
    service.remoteMethod("echo").call("hi");
    // @ts-expect-error there is no such method
    service.callRemote("missing");
    // @ts-expect-error the prefix is not part of the name
    service.callRemote("remote_echo", "hi");
    // @ts-expect-error a method without the prefix is not remote
    service.callRemote("local");
    // @ts-expect-error a field is not remote, whatever its name
    service.callRemote("text");
    // @ts-expect-error the stub has the same methods
    service.remote.local();
    // @ts-expect-error method values have the same methods
    service.remoteMethod("local");
  });
  assertType<IsExact<RemoteMethod<Service, "echo">["name"], "echo">>(true);
});

Deno.test("callRemote() accepts perspective_ methods of avatars, and view_ methods without the user parameter", () => {
  const user = null as unknown as RemoteReference<User>;
  const page = null as unknown as RemoteReference<Page>;
  const counter = null as unknown as RemoteReference<PythonCounter>;
  compiled(async () => {
    const name = await user.remote.whoami();
    assertType<IsExact<typeof name, string>>(true);
    // @ts-expect-error an avatar is called by its perspective_ methods only
    user.callRemote("hidden");
    page.callRemote("read", 1);
    // @ts-expect-error the user is not passed by the caller
    page.callRemote("read", new User(), 1);
    const total = await counter.callRemote("total");
    assertType<IsExact<typeof total, number | bigint>>(true);
  });
});

Deno.test("callRemote() resolves with the type in which the result arrives", () => {
  compiled(async () => {
    const text = await service.callRemote("echo", "hi");
    assertType<IsExact<typeof text, string>>(true);
    const later = await service.remote.later();
    assertType<IsExact<typeof later, number[]>>(true);
    const nothing = await service.remoteMethod("nothing").call();
    assertType<IsExact<typeof nothing, void>>(true);
    const listener = await service.callRemote("listener");
    assertType<IsExact<typeof listener, RemoteReference<Listener>>>(true);
    const user = await service.remote.user();
    assertType<IsExact<typeof user, RemoteReference<User>>>(true);
    const page = await service.remote.page();
    assertType<IsExact<typeof page, RemoteReference<Page>>>(true);
    const python = await service.remote.python();
    assertType<IsExact<typeof python, RemoteReference<PythonCounter>>>(true);
    const order = await service.remote.order({ id: 1 });
    assertType<IsExact<typeof order, { id: number | bigint; at: Temporal.PlainDateTime }>>(true);
    const never = await service.remote.fail();
    assertType<IsExact<typeof never, never>>(true);
  });
});

Deno.test("callRemote() resolves with void if the method returns nothing, and null if it returns undefined", async () => {
  class Machine extends Root {
    remote_stop(): void {}
    async remote_stopLater(): Promise<void> {
      await undefined;
    }
    remote_stopSoon(): void | Promise<void> {}
    remote_find(): undefined {}
    remote_findLater(): Promise<string | undefined> {
      return Promise.resolve(undefined);
    }
  }
  class Client {
    constructor(readonly ref: RemoteReference<Machine>) {}
    stop(): Promise<void> {
      return this.ref.remote.stop();
    }
    async stopLater(): Promise<void> {
      return await this.ref.callRemote("stopLater");
    }
    stopSoon(): Promise<void> {
      return this.ref.pipeline("stopSoon").then();
    }
  }
  await using pair = await connectPair(new Machine());
  const machine = pair.client.root<Machine>();
  const client = new Client(machine);
  const results: unknown[] = [await client.stop(), await client.stopLater()];
  assertEquals([...results, await client.stopSoon()], [null, null, null]);
  const found = await machine.callRemote("find");
  assertType<IsExact<typeof found, null>>(true);
  const later = await machine.callRemote("findLater");
  assertType<IsExact<typeof later, string | null>>(true);
  assertEquals([found, later], [null, null]);
});

Deno.test("callRemote() checks the arguments", () => {
  compiled(() => {
    // @ts-expect-error a number is not a text
    service.callRemote("echo", 1);
    // @ts-expect-error an argument is missing
    service.callRemote("echo");
    // @ts-expect-error there is one argument too many
    service.callRemote("echo", "hi", "there");
    service.callRemote("sum", 1);
    service.callRemote("sum", 1, 2, new Float(3));
    // @ts-expect-error the rest must be numbers as well
    service.callRemote("sum", 1, "2");
    service.callRemote("order", { id: 1n, note: null });
    // @ts-expect-error a property is misspelled
    service.callRemote("order", { id: 1, noet: "x" });
  });
});

Deno.test("callRemote() accepts results that have not arrived, if they can be passed on and are of the right type", () => {
  compiled(() => {
    const text = service.pipeline("echo", "hi");
    const sum = service.pipeline("sum", 1);
    service.callRemote("echo", text);
    service.callRemote("sum", sum, 2, sum);
    service.callRemote("greet", service.pipeline("echo", text), true);
    service.pipeline("echo", text).then();
    service.callRemote("move", sum, kwargs({ dx: sum }));
    service.callRemote("isListener", service.pipeline("listener"));
    untyped.callRemote("anything", sum, kwargs({ sum }));
    // @ts-expect-error a number is not a text
    service.callRemote("echo", sum);
    // @ts-expect-error the type of a keyword argument is wrong
    service.callRemote("move", 1, kwargs({ dx: text }));
    // @ts-expect-error an object has to be awaited first
    service.callRemote("order", service.pipeline("order", { id: 1 }));
    // @ts-expect-error a result can be an argument, but not a part of one
    service.callRemote("order", { id: sum });
    // @ts-expect-error what callRemote() gives has to be awaited
    service.callRemote("echo", service.callRemote("echo", "hi"));
  });
});

Deno.test("callRemote() accepts omitted optional arguments, but not undefined", () => {
  compiled(() => {
    service.callRemote("greet", "Ada");
    service.callRemote("greet", "Ada", true);
    service.callRemote("greet", "Ada", true, 2);
    // @ts-expect-error undefined would arrive as null
    service.callRemote("greet", "Ada", undefined, 2);
  });
  assertType<IsExact<Sendable<string | undefined>, string | null | undefined>>(true);
  assertType<IsExact<Sendable<string | null>, string | null | undefined>>(true);
});

Deno.test("callRemote() accepts null where the method expects undefined, so that what arrived can be sent back", async () => {
  interface Note {
    id: number;
    text?: string;
    by: string | undefined;
    tags?: { color?: "red" | "blue" }[];
  }
  class Notes extends Root {
    note: Note = { id: 1, by: undefined, tags: [{}, { color: "red" }] };
    remote_get(): Note {
      return this.note;
    }
    remote_put(note: Note): void {
      this.note = note;
    }
    remote_author(by: string | undefined): string | undefined {
      return by;
    }
    remote_find(text?: string, by: Kwargs<{ color?: string }> = kwargs({})): string {
      return `${text} ${by.color}`;
    }
  }
  await using pair = await connectPair(new Notes());
  const notes = pair.client.root<Notes>();
  const note = await notes.remote.get();
  await notes.remote.put(note);
  await notes.remote.put({ ...note, id: 2 });
  assertEquals(await notes.remote.get(), { ...note, id: 2 });
  await notes.remote.put({ id: 3, text: undefined, by: undefined, tags: [{ color: null }] });
  assertEquals<unknown>(await notes.remote.get(), {
    id: 3,
    text: null,
    by: null,
    tags: [{ color: null }],
  });
  assertEquals(await notes.remote.author(await notes.remote.author(undefined)), null);
  compiled(() => {
    // @ts-expect-error a field that may be undefined may not be missing
    notes.remote.put({ id: 4 });
    // @ts-expect-error null is no color
    notes.remote.put({ id: 4, by: null, tags: [null] });
    // @ts-expect-error an optional argument is left out
    notes.remote.find(null);
    // @ts-expect-error and so is an optional keyword argument
    notes.remote.find("x", kwargs({ color: null }));
  });
});

Deno.test("getAllPages() and pagesAsStream() check the method name and the arguments after the collector", () => {
  class Files extends Root {
    remote_file(collector: RemoteReference, path: string, from = 0): void {
      new StringPager(collector, new TextEncoder().encode(`${path} ${from}`));
    }
  }
  const files = null as unknown as RemoteReference<Files>;
  compiled(() => {
    new Files();
    getAllPages(files, "file", "a.txt");
    pagesAsStream(files, "file", "a.txt", 10);
    getAllPages(untyped, "whatever", 1, 2);
    // @ts-expect-error there is no such method
    getAllPages(files, "files", "a.txt");
    // @ts-expect-error the path must be a text
    pagesAsStream(files, "file", 1);
    // @ts-expect-error the path is missing
    pagesAsStream(files, "file");
  });
});

Deno.test("callRemote() checks the names and types of keyword arguments", () => {
  compiled(() => {
    service.callRemote("open");
    service.callRemote("open", kwargs({ any: 2, thing: null }));
    // @ts-expect-error keyword arguments are made by kwargs()
    service.callRemote("open", { any: 2 });
    service.callRemote("move", 1);
    service.callRemote("move", 1, kwargs({ dx: 2 }));
    service.callRemote("move", 1, kwargs({ dx: 2, dy: 3 }));
    // @ts-expect-error a plain object does not stand for keyword arguments
    service.callRemote("move", 1, { dx: 2 });
    // @ts-expect-error the name is misspelled
    service.callRemote("move", 1, kwargs({ xd: 2 }));
    // @ts-expect-error the type is wrong
    service.callRemote("move", 1, kwargs({ dx: "2" }));
    // @ts-expect-error pbanswer as a keyword would not change the type of the result
    service.callRemote("move", 1, kwargs({ dx: 2, pbanswer: false }));
  });
});

Deno.test("callRemote() accepts call options last, and resolves with undefined without an answer", () => {
  const maybe = null as unknown as CallOptions;
  compiled(async () => {
    const text = await service.callRemote("echo", "hi", callOptions({ timeout: 5 }));
    assertType<IsExact<typeof text, string>>(true);
    const asked = await service.remote.echo("hi", callOptions({ answer: true }));
    assertType<IsExact<typeof asked, string>>(true);
    const silent = await service.callRemote("echo", "hi", callOptions({ answer: false }));
    assertType<IsExact<typeof silent, undefined>>(true);
    const stub = await service.remote.greet("Ada", callOptions({ answer: false }));
    assertType<IsExact<typeof stub, undefined>>(true);
    const unknown = await service.callRemote("echo", "hi", maybe);
    assertType<IsExact<typeof unknown, string | undefined>>(true);
    service.callRemote("sum", 1, 2, 3, callOptions({ timeout: 5 }));
    service.callRemote("move", 1, kwargs({ dx: 2 }), callOptions({ timeout: 5 }));
    // @ts-expect-error options come last
    service.callRemote("echo", callOptions({ timeout: 5 }), "hi");
  });
});

Deno.test("callRemote() accepts an object for a parameter that is a reference, and the reverse", () => {
  const home = null as unknown as RemoteReference<Listener>;
  compiled(() => {
    service.callRemote("watch", new Listener());
    service.callRemote("watchAll", { on: [new Listener()] });
    // @ts-expect-error the object lacks the method that will be called
    service.callRemote("watch", new Referenceable());
    // @ts-expect-error the object is not sent as a reference
    service.callRemote("watch", { remote_called: (value: number) => `${value}` });
    // @ts-expect-error a reference of theirs would arrive as the object itself
    service.callRemote("watch", home);
    service.callRemote("isListener", home);
    // @ts-expect-error an object of ours would arrive as a reference
    service.callRemote("isListener", new Listener());
  });
  assertType<IsExact<Sendable<RemoteReference<User>>, AsReferenceable<User>>>(true);
  assertType<IsExact<Sendable<Score>, Score | RemoteCache>>(true);
  assertType<IsExact<Sendable<ScoreCache>, Cacheable>>(true);
  assertType<IsExact<Sendable<ScoreCopy>, Copyable>>(true);
  assertType<IsExact<Sendable<PythonCounter>, RemoteReference<PythonCounter>>>(true);
});

Deno.test("Sendable<T> accepts types that arrive as T, and explains when none does", () => {
  assertType<IsExact<Sendable<unknown>, unknown>>(true);
  assertType<IsExact<Sendable<number>, number | Float>>(true);
  assertType<IsExact<Sendable<1 | 2>, 1 | 2>>(true);
  assertType<IsExact<Sendable<number | bigint>, number | bigint | Float>>(true);
  assertType<IsExact<Sendable<boolean>, boolean>>(true);
  assertType<
    IsExact<Sendable<Temporal.PlainDateTime>, Temporal.PlainDateTime | Date>
  >(true);
  assertType<IsExact<Sendable<{ at: number[] }>, { at: (number | Float)[] }>>(true);
  assertType<IsExact<Sendable<Tuple<[number]>>, Tuple<[number | Float]>>>(true);
  assertType<IsExact<Sendable<Set<string>>, Set<string>>>(true);
  assertType<IsExact<Sendable<FrozenSet<string>>, FrozenSet<string>>>(true);
  assertType<
    IsExact<
      Sendable<ReceivedMap<number, string>>,
      Record<string, never> | ReadonlyMap<string, never> | ReadonlyMap<number | Float, string>
    >
  >(true);
  // Each of these would promise the method a type that it does not get.
  const refused = <T extends Unsendable<string>>(_value?: T): void => {};
  refused<Sendable<bigint>>();
  refused<Sendable<Date>>();
  refused<Sendable<() => void>>();
  refused<Sendable<symbol>>();
  refused<Sendable<Map<number, string>>>();
  refused<Sendable<Error>>();
  // deno-lint-ignore no-explicit-any -- any may be data
  assertType<IsExact<Sendable<{ x: any; y: string }>, { x: unknown; y: string }>>(true);
  refused<Sendable<Promise<string>>>();
  refused<Sendable<URL>>();
  refused<Sendable<AsyncGenerator<string>>>();
  refused<Sendable<ReadableStream<string>>>();
  refused<Sendable<typeof Listener>>();
  refused<Sendable<Float32Array>>();
  refused<Sendable<Temporal.Instant>>();
  refused<Sendable<User>>();
  refused<Sendable<Page>>();
  assertType<IsExact<Sendable<RemoteError>, CopyableFailure>>(true);
  assertType<IsExact<Sendable<AsReferenceable<User>>, RemoteReference<User>>>(true);
  assertType<IsExact<Sendable<ViewPoint<Page>>, RemoteReference<Page>>>(true);
});

Deno.test("Implements<I> accepts a result or a promise of it from each remote method, and nothing else", async () => {
  interface Row {
    id: number;
    note?: string;
  }
  interface Cursor {
    remote_next(): Promise<Row | null>;
    remote_end(): void;
  }
  interface Table {
    readonly name: string;
    remote_size(): number;
    remote_kind(): Promise<"empty" | "full">;
    remote_open(from: number): Promise<Cursor | null>;
    remote_any(value: unknown): unknown;
    remote_clear?(): Promise<void>;
    local(): number;
  }
  class RowCursor extends Referenceable implements Implements<Cursor> {
    remote_next(): Row | null {
      return { id: 1 };
    }
    async remote_end(): Promise<void> {
      await undefined;
    }
  }
  class Rows extends Root implements Implements<Table> {
    readonly name = "rows";
    async remote_size(): Promise<number> {
      return await Promise.resolve(1);
    }
    remote_kind(): "empty" | "full" {
      return "full";
    }
    remote_open(from: number): RowCursor | null {
      return from === 0 ? new RowCursor() : null;
    }
    remote_any(value: unknown): unknown {
      return value;
    }
    local(): number {
      return 1;
    }
    remote_count(cursor: RemoteReference<Cursor>): Promise<Row | null> {
      return cursor.callRemote("next") as Promise<Row | null>;
    }
  }
  // @ts-expect-error a method is missing
  class _Incomplete implements Implements<Table> {}
  class _Wrong implements Implements<Pick<Table, "remote_size">> {
    // @ts-expect-error a text is not a number
    remote_size(): Promise<string> {
      return Promise.resolve("1");
    }
  }
  class _Local implements Implements<Pick<Table, "local">> {
    // @ts-expect-error a method that is not remote must return what the interface says
    local(): Promise<number> {
      return Promise.resolve(1);
    }
  }
  await using pair = await connectPair(new Rows());
  const table = pair.client.root<Table>();
  assertEquals([await table.remote.size(), await table.remote.kind()], [1, "full"]);
  const cursor = await table.callRemote("open", 0);
  assertType<IsExact<typeof cursor, RemoteReference<Cursor> | null>>(true);
  assertEquals(await cursor?.callRemote("next"), { id: 1 });
  const rows = pair.client.root<Rows>();
  assertEquals(await rows.callRemote("count", new RowCursor()), { id: 1 });
  compiled(() => {
    // @ts-expect-error what is called from the other end must be Referenceable
    rows.callRemote("count", { remote_next: () => null, remote_end() {} });
  });
  assertType<
    IsExact<Sendable<RemoteReference<Cursor>>, Implements<Cursor> & Referenceable>
  >(true);
});

Deno.test("RemoteReference of an interface with type parameters gives and accepts what they arrive as", async () => {
  interface Page<T> {
    items: T[];
    total: number;
  }
  interface Repository<T> {
    remote_get(id: string): Promise<T>;
    remote_find(text: string): Promise<T[]>;
    remote_page(): Promise<Page<T>>;
    remote_entry(): Promise<{ item: T }>;
    remote_put(item: T): Promise<void>;
    remote_putAll(items: T[]): Promise<void>;
    remote_others(): Promise<Repository<T>>;
  }
  class Client<T> {
    constructor(readonly ref: RemoteReference<Repository<T>>) {}
    async get(id: string): Promise<Received<T>> {
      return await this.ref.callRemote("get", id);
    }
    find(text: string): Promise<Received<T>[]> {
      return this.ref.remote.find(text);
    }
    async page(): Promise<{ items: Received<T>[]; total: number }> {
      return await this.ref.callRemote("page");
    }
    async entry(): Promise<Received<{ item: T }>> {
      return await this.ref.callRemote("entry");
    }
    put(item: Sendable<T>): Promise<void> {
      return this.ref.callRemote("put", item);
    }
    async putAll(items: Sendable<T>[]): Promise<void> {
      await this.ref.remote.putAll(items);
    }
    async others(): Promise<Client<T>> {
      return new Client(await this.ref.callRemote("others"));
    }
  }
  async function firstOf<T>(ref: RemoteReference<Repository<T>>): Promise<Received<T>[]> {
    return (await ref.callRemote("find", "")).slice(0, 1);
  }
  // References are covariant: no type parameter is needed to accept more than a Getter.
  interface Getter {
    remote_get(id: string): Promise<number | bigint>;
  }
  function double(ref: RemoteReference<Getter>): Promise<number> {
    return ref.callRemote("get", "2").then((value) => Number(value) * 2);
  }
  class Numbers extends Root implements Repository<bigint> {
    remote_get(id: string): Promise<bigint> {
      return Promise.resolve(BigInt(id));
    }
    remote_find(_text: string): Promise<bigint[]> {
      return Promise.resolve([1n, 2n ** 60n]);
    }
    remote_page(): Promise<Page<bigint>> {
      return Promise.resolve({ items: [1n], total: 2 });
    }
    remote_entry(): Promise<{ item: bigint }> {
      return Promise.resolve({ item: 3n });
    }
    remote_put(_item: bigint): Promise<void> {
      return Promise.resolve();
    }
    remote_putAll(_items: bigint[]): Promise<void> {
      return Promise.resolve();
    }
    remote_others(): Promise<Repository<bigint>> {
      return Promise.resolve(this);
    }
  }
  await using pair = await connectPair(new Numbers());
  const root = pair.client.root<Numbers>();
  const client = await new Client<bigint>(root).others();
  const found = await client.find("");
  assertType<IsExact<typeof found, (number | bigint)[]>>(true);
  assertEquals(found, [1, 2n ** 60n]);
  const entry = await client.entry();
  assertType<IsExact<typeof entry, { item: number | bigint }>>(true);
  assertEquals([await client.page(), entry], [{ items: [1], total: 2 }, { item: 3 }]);
  assertEquals(await firstOf(root), [1]);
  assertEquals(await double(root), 4);
});

Deno.test("Passable<T> accepts a result that has not arrived only if one of that type can be passed on", () => {
  type Fields = { id: number; note?: string };
  assertType<IsExact<Passable<Fields>, Sendable<Fields>>>(true);
  assertType<IsExact<Passable<Score>, Sendable<Score>>>(true);
  assertType<IsExact<Passable<string>, string | PassedOn<string>>>(true);
  assertType<
    IsExact<Passable<string | null>, string | null | undefined | PassedOn<string | null>>
  >(true);
  assertType<IsExact<Passable<number | Fields>, Sendable<number | Fields> | PassedOn<number>>>(
    true,
  );
  assertType<
    IsExact<Passable<Listener>, RemoteReference<Listener> | PassedOn<RemoteReference<Listener>>>
  >(true);
});

Deno.test("RemoteReference without a type accepts any call, and every typed reference is assignable to it", () => {
  compiled(async () => {
    const result = await untyped.callRemote("anything", 1, () => {}, callOptions({ timeout: 1 }));
    assertType<IsExact<typeof result, unknown>>(true);
    const stub = await untyped.remote.anything!(1, "two");
    assertType<IsExact<typeof stub, unknown>>(true);
    const general: RemoteReference = service;
    const root = broker.root();
    assertType<IsExact<typeof root, RemoteReference<unknown>>>(true);
    const typed = broker.root<Service>();
    assertType<IsExact<typeof typed, RemoteReference<Service>>>(true);
    return general;
  });
});

Deno.test("callRemote() gives at run time what its types promise", async () => {
  await using pair = await connectPair(new Service());
  const { remote } = pair.client.root<Service>();
  const order = await remote.order({ id: 7n });
  assertEquals(order.id, 7);
  assertEquals(order.at.toString(), "1970-01-01T00:00:00");
  assertEquals(await remote.watch(new Listener()), "1");
  assertEquals(await remote.isListener(await remote.listener()), true);
  assertEquals(await remote.open(kwargs({ any: 2, thing: null })), ["any", "thing"]);
  assertEquals(await remote.greet("Ada", true), "Dear Ada");
  assertEquals(await remote.move(1, kwargs({ dx: 2 })), 3);
  assertEquals(await remote.nothing(), null);
  assertEquals(await remote.echo("hi", callOptions({ answer: false })), undefined);
  class Boxes extends Root {
    remote_map(map: ReceivedMap<number, string>): string {
      return map instanceof Map ? [...map.keys()].join() : "an object";
    }
    remote_all(): [ReadonlyMap<number, string>, ReadonlySet<Float>, Tuple<[Decimal]>] {
      return [new Map(), new FrozenSet([new Float(1)]), tuple(new Decimal(1n, 2))];
    }
  }
  await using boxes = await connectPair(new Boxes());
  const root = boxes.client.root<Boxes>();
  assertEquals(await root.callRemote("map", new Map([[1, "one"]])), "1");
  assertEquals(await root.callRemote("map", new Map()), "an object");
  assertEquals(await root.callRemote("all"), [{}, new FrozenSet([1]), tuple(new Decimal(1n, 2))]);
});
