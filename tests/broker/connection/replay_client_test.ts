// Replays recorded conversations with our client in place of Twisted's.

import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import {
  type Broker,
  callOptions,
  kwargs,
  NoSuchMethod,
  PBConnectionLost,
  PBError,
  RemoteError,
  RemoteReference,
} from "@perspective/broker/broker";
import {
  Anonymous,
  UnauthorizedLogin,
  UnhandledCredentials,
  UsernamePassword,
} from "@perspective/broker/cred";
import { tuple } from "@perspective/broker/jelly";
import { rawServer } from "../raw_peer.ts";
import { Counter, play } from "../scenarios.ts";

/** What the client does in a conversation, by the name of the conversation. */
const PROGRAMS: Record<string, (broker: Broker) => Promise<void>> = {
  async negotiation(broker) {
    await broker.ready;
  },
  async echo(broker) {
    const root = broker.root();
    const values = [null, true, 1, -1, 2 ** 31, 1.5, "text", bytes("bytes"), [1, [2]]];
    for (const value of [...values, tuple(1, "a"), { a: 1 }]) {
      assertEquals(await root.callRemote("echo", value), value);
    }
    assertEquals(await root.callRemote("echo"), tuple());
    const three = [1, "two", bytes("three")];
    assertEquals(await root.callRemote("echo", ...three), tuple(...three));
  },
  async keywords(broker) {
    const root = broker.root();
    const both = await root.callRemote("keywords", 1, "two", kwargs({ three: 3, list: [4] }));
    assertEquals(both, [[1, "two"], [tuple("list", [4]), tuple("three", 3)]]);
    const alone = await root.callRemote("keywords", kwargs({ name: "alone" }));
    assertEquals(alone, [[], [tuple("name", "alone")]]);
  },
  async shared_argument(broker) {
    const root = broker.root();
    const shared = [1];
    const [first, second] = await root.callRemote("echo", shared, shared) as unknown[];
    assertStrictEquals(first, second);
    assertEquals(await root.callRemote("echo", shared), [1]);
  },
  async no_answer(broker) {
    const root = broker.root();
    await root.callRemote("note", "hello", callOptions({ answer: false }));
    await root.callRemote("fail", "value", kwargs({ pbanswer: false }));
    assertEquals(await root.callRemote("echo", 1), 1);
  },
  async answers_in_reverse(broker) {
    const calls = [1, 2, 3].map((n) => broker.root().callRemote("later", n));
    assertEquals(await Promise.all(calls), [1, 2, 3]);
  },
  async errors(broker) {
    const fail = (kind: string) => broker.root().callRemote("fail", kind);
    const known = await assertRejects(() => fail("error"), PBError, "known");
    assertEquals(remoteType(known), "twisted.spread.pb.Error");
    const own = await assertRejects(() => fail("subclass"), PBError);
    assertEquals([remoteType(own), own.message], ["scenarios.AppError", "of the program"]);
    const others = [["value", "wrong value"], ["unicode", "h\u00e9llo \u{1f600}"], ["empty", ""]];
    for (const [kind, message] of others) {
      const error = await assertRejects(() => fail(kind!), RemoteError);
      assertEquals([error.remoteType, error.message], ["builtins.ValueError", message]);
      assertEquals(error.check("builtins.OSError", "builtins.Exception"), "builtins.Exception");
    }
  },
  async error_with_traceback(broker) {
    for (const kind of ["subclass", "value"]) {
      const error = await assertRejects(() => broker.root().callRemote("fail", kind), RemoteError);
      assertEquals(error.remoteTraceback, "Traceback (most recent call last): recorded\n");
    }
  },
  async no_such_method(broker) {
    const root = broker.root();
    await assertRejects(() => root.callRemote("missing", 1), NoSuchMethod, "remote_missing");
    await assertRejects(() => root.callRemote("__class__"), NoSuchMethod, "remote___class__");
  },
  async no_such_object(broker) {
    await assertRejects(
      () => new RemoteReference(broker, 99, null, undefined).callRemote("add", 1),
      PBError,
      "Invalid Object ID",
    );
    const other = broker.remoteForName("other");
    await assertRejects(() => other.callRemote("add", 1), PBError, "Invalid Object ID");
  },
  async named_object(broker) {
    assertEquals(await broker.remoteForName("counter").callRemote("add", 1), 6);
  },
  async too_large_answer(broker) {
    await assertRejects(() => broker.root().callRemote("large"), PBConnectionLost);
  },
  async reference_called_back(broker) {
    assertEquals(await broker.root().callRemote("callMe", new Counter(5), 2), 7);
    assertEquals(broker.counts.localObjects, 0);
  },
  async reference_held_and_released(broker) {
    const root = broker.root();
    const counter = new Counter(5);
    assertEquals(await root.callRemote("hold", counter), null);
    assertStrictEquals(await root.callRemote("held"), counter);
    assertEquals(broker.counts.localObjects, 1);
    assertEquals(await root.callRemote("release"), null);
    assertEquals(broker.counts.localObjects, 0);
  },
  async reference_sent_home(broker) {
    const root = broker.root();
    using counter = await root.callRemote("counter") as RemoteReference;
    assertEquals(await counter.callRemote("add", 3), 3);
    assertEquals(await root.callRemote("isCounter", counter), true);
  },
  async reference_twice(broker) {
    const root = broker.root();
    {
      using counter = await root.callRemote("counter") as RemoteReference;
      assertStrictEquals(await root.callRemote("counter"), counter);
    }
    using again = await root.callRemote("counter") as RemoteReference;
    assertEquals(again.luid, 2);
  },
  async reference_twice_in_one_message(broker) {
    const root = broker.root();
    const counter = new Counter();
    assertEquals(await root.callRemote("hold", [counter, counter]), null);
    assertEquals(broker.counts.localObjects, 1);
    assertEquals(await root.callRemote("release"), null);
    assertEquals(broker.counts.localObjects, 0);
  },
  async reference_that_fails(broker) {
    const call = () => broker.root().callRemote("relay", new Counter());
    const error = await assertRejects(call, RemoteError, "the counter failed");
    assertEquals(error.remoteType, "scenarios.AppError");
  },
  async login_password(broker) {
    using user = await broker.login(new UsernamePassword("alice", "secret"));
    assertEquals(await user.callRemote("whoami"), "alice");
    assertEquals(await user.callRemote("add", 1, kwargs({ to: 2 })), 3);
    const error = await assertRejects(() => user.callRemote("fail"), PBError, "not for you");
    assertEquals(remoteType(error), "scenarios.AppError");
    const missing = await assertRejects(() => user.callRemote("missing"), RemoteError);
    assertEquals(missing.remoteType, "builtins.AttributeError");
  },
  async login_with_mind(broker) {
    using user = await broker.login(new UsernamePassword("alice", "secret"), new Counter(5));
    assertEquals(await user.callRemote("callMind", 2), 7);
  },
  async login_calls_mind(broker) {
    const mind = new Counter(5);
    using user = await broker.login(new UsernamePassword("alice", "secret"), mind);
    assertEquals(mind.count, 6);
    assertEquals(await user.callRemote("whoami"), "alice");
  },
  async login_wrong_password(broker) {
    const credentials = new UsernamePassword("alice", "wrong");
    await assertRejects(() => broker.login(credentials), UnauthorizedLogin);
    assertEquals(broker.counts.remoteObjects, 0);
  },
  async login_unknown_user(broker) {
    const credentials = new UsernamePassword("mallory", "secret");
    await assertRejects(() => broker.login(credentials), UnauthorizedLogin);
  },
  async login_anonymous(broker) {
    using user = await broker.login(new Anonymous());
    assertEquals(await user.callRemote("whoami"), "anonymous");
  },
  async login_anonymous_refused(broker) {
    const login = () => broker.login(new Anonymous(), new Counter());
    await assertRejects(login, UnhandledCredentials, "No checker");
    assertEquals(broker.counts.localObjects, 0);
  },
  async view(broker) {
    const user = await broker.login(new UsernamePassword("alice", "secret"));
    const document = await user.callRemote("view") as RemoteReference;
    assertEquals(await document.callRemote("read"), ["alice", "text"]);
    await assertRejects(() => document.callRemote("write", 1), RemoteError, "view_write");
    user.release();
    document.release();
  },
};

for (const [name, program] of Object.entries(PROGRAMS)) {
  Deno.test(`Broker of a client sends the same bytes as Twisted's client in conversation ${name}`, async () => {
    await using pair = await rawServer({ hello: false });
    const played = play(name, "server", pair.peer).finally(() => pair.peer.close());
    await program(pair.broker);
    await played;
  });
}

function remoteType(error: Error): unknown {
  return Reflect.get(error, "remoteType");
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
