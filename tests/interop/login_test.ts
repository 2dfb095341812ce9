// Logins between us and real Twisted, in both directions.

import { assert, assertEquals, assertNotStrictEquals, assertRejects } from "@std/assert";
import {
  Avatar,
  type Broker,
  connect,
  IPerspective,
  type Kwargs,
  kwargs,
  RemoteError,
  type RemoteReference,
  Viewable,
} from "@perspective/broker/broker";
import {
  AllowAnonymousAccess,
  ANONYMOUS,
  Anonymous,
  type AvatarGrant,
  type AvatarId,
  InMemoryUsernamePasswordDatabaseDontUse,
  type IRealm,
  Portal,
  UnauthorizedLogin,
  UnhandledCredentials,
  UsernamePassword,
} from "@perspective/broker/cred";
import { AppError, Counter, serveQuietly } from "./echo_root.ts";
import { type PythonPeer, runPython, startPython, twistedTest } from "./peer.ts";

const ALICE = new UsernamePassword("alice", "secret");

/** Runs a test with a Twisted server that accepts logins, and our client. */
async function atTwisted(
  args: string[],
  test: (broker: Broker, python: PythonPeer) => Promise<void>,
): Promise<void> {
  await using python = await startPython("login_server.py", args);
  await using broker = await connect(`pb://127.0.0.1:${python.port}`);
  await test(broker, python);
}

twistedTest("Broker.login() gets an avatar from Twisted, and releasing it logs out", async () => {
  await atTwisted([], async (broker, python) => {
    const mind = new Counter();
    const avatar = await broker.login(ALICE, mind);
    assertEquals(await python.read(), { login: "alice" });
    assertEquals(await avatar.callRemote("whoami"), "alice");
    assertEquals(await avatar.callRemote("add", 1, kwargs({ to: 2 })), 3);
    assertEquals(await avatar.callRemote("callMind", 1, "two"), [1, "two"]);
    assertEquals(mind.calls, [[1, "two"]]);
    const error = await assertRejects(() => avatar.callRemote("fail"), RemoteError, "not for you");
    assertEquals(error.remoteType, "interop.AppError");
    await assertRejects(() => avatar.callRemote("missing"), RemoteError, "perspective_missing");
    const document = await avatar.callRemote("document") as RemoteReference;
    assertEquals(await document.callRemote("read"), ["alice", "text"]);
    document.release();
    avatar.release();
    assertEquals(await python.read(), { logout: "alice" });
  });
});

twistedTest("Broker.pipelineLogin() calls the avatar once Twisted has sent it", async () => {
  await atTwisted([], async (broker, python) => {
    const avatar = broker.pipelineLogin(ALICE);
    const calls = [avatar.callRemote("whoami"), avatar.callRemote("add", 1, kwargs({ to: 2 }))];
    assertEquals(await Promise.all(calls), ["alice", 3]);
    assertEquals(await python.read(), { login: "alice" });
    avatar.release();
    assertEquals(await python.read(), { logout: "alice" });
    const refused = broker.pipelineLogin(new UsernamePassword("alice", "guess"));
    await assertRejects(() => refused.callRemote("whoami"), UnauthorizedLogin);
  });
});

twistedTest("Broker.login() lets Twisted call the mind during the login", async () => {
  await atTwisted(["--greet"], async (broker) => {
    const mind = new Counter();
    await broker.login(ALICE, mind);
    assertEquals(mind.calls, [["welcome", "alice"]]);
  });
});

twistedTest(
  "Broker.login() logs several users in at Twisted over one connection at once",
  async () => {
    await atTwisted([], async (broker, python) => {
      const [first, second, guest] = await Promise.all([
        broker.login(ALICE),
        broker.login(ALICE),
        broker.login(new Anonymous()),
      ]);
      assertNotStrictEquals(first, second);
      const names = [first, second, guest].map((avatar) => avatar.callRemote("whoami"));
      assertEquals(await Promise.all(names), ["alice", "alice", "anonymous"]);
      await broker.close();
      const said = [];
      for (let i = 0; i < 6; i++) said.push(Object.keys(await python.read() ?? {})[0]);
      assertEquals(said, ["login", "login", "login", "logout", "logout", "logout"]);
    });
  },
);

twistedTest(
  "Broker.login() with usernameAs text logs in at a Twisted server whose names are str",
  async () => {
    await atTwisted([], async (broker) => {
      const carol = new UsernamePassword("carol", "secret");
      await assertRejects(() => broker.login(carol), UnauthorizedLogin);
      const avatar = await broker.login(carol, null, { usernameAs: "text" });
      assertEquals(await avatar.callRemote("whoami"), "carol");
    });
  },
);

for (
  const { name, credentials } of [
    { name: "a wrong password", credentials: new UsernamePassword("alice", "wrong") },
    { name: "an unknown user", credentials: new UsernamePassword("mallory", "secret") },
  ]
) {
  twistedTest(
    `Broker.login() rejects when Twisted refuses ${name}, and the connection stays open`,
    async () => {
      await atTwisted([], async (broker) => {
        const error = await assertRejects(() => broker.login(credentials), UnauthorizedLogin);
        assert(error instanceof RemoteError);
        assertEquals(await (await broker.login(ALICE)).callRemote("whoami"), "alice");
      });
    },
  );
}

twistedTest("Broker.login() rejects when Twisted permits no anonymous users", async () => {
  await atTwisted(["--no-anonymous"], async (broker) => {
    await assertRejects(() => broker.login(new Anonymous()), UnhandledCredentials, "No checker");
  });
});

// The other direction, with our portal that offers the same as login_server.py.

class User extends Avatar {
  constructor(readonly name: string, readonly mind: RemoteReference) {
    super();
  }
  perspective_echo(x: unknown): unknown {
    return x;
  }
  perspective_add(a: number, keywords: Kwargs<{ to?: number }> = kwargs({})): number {
    return a + (keywords.to ?? 0);
  }
  perspective_whoami(): string {
    return this.name;
  }
  perspective_callMind(...args: unknown[]): Promise<unknown> {
    return this.mind.callRemote("called", ...args);
  }
  perspective_fail(): never {
    throw new AppError("not for you");
  }
  perspective_document(): Document {
    return new Document("text");
  }
}

class Document extends Viewable {
  constructor(readonly text: string) {
    super();
  }
  view_read(user: User): string[] {
    return [user.name, this.text];
  }
}

class Realm implements IRealm {
  readonly events: string[] = [];

  async requestAvatar(id: AvatarId, mind: unknown): Promise<AvatarGrant<IPerspective>> {
    const name = id === ANONYMOUS ? "anonymous" : id;
    const user = new User(name, mind as RemoteReference);
    this.events.push(`login ${name}`);
    if (mind !== null) await user.mind.callRemote("called", "welcome", name);
    return [IPerspective, user, () => void this.events.push(`logout ${name}`)];
  }
}

/** Our server, which accepts logins of Twisted's clients. */
function ourServer({ anonymous = true } = {}) {
  const realm = new Realm();
  const portal = new Portal(realm);
  portal.registerChecker(new InMemoryUsernamePasswordDatabaseDontUse({ alice: "secret" }));
  if (anonymous) portal.registerChecker(new AllowAnonymousAccess());
  const server = serveQuietly(portal);
  return {
    realm,
    server,
    port: new URL(server.url).port,
    [Symbol.asyncDispose]: () => server.close(),
  };
}

twistedTest(
  "Portal over PB accepts the login calls of Twisted with keyword arguments",
  async () => {
    await using ours = ourServer();
    await using python = await startPython("console.py", ["--port", ours.port]);
    const ask = async (expression: string) => {
      const { repr, error, message } = await python.ask(expression);
      return repr ?? `${error}: ${message}`;
    };
    await ask("keep(mind=Counter())");
    await ask('keep(avatar=root.callRemote("loginAnonymous", mind=mind))');
    assertEquals(await ask('avatar.callRemote("callMind", 1)'), "[1]");
    const respond = 'c[1].callRemote("respond", response=pb.respond(c[0], b"secret"), mind=mind)';
    await ask(
      `keep(avatar=root.callRemote("login", username=b"alice").addCallback(lambda c: ${respond}))`,
    );
    assertEquals(await ask('avatar.callRemote("whoami")'), "'alice'");
    assertEquals(await ask('avatar.callRemote("callMind", 2)'), "[2]");
    assertEquals(
      await ask('root.callRemote("login", b"alice", name=1)'),
      'builtins.TypeError: remote_login() has no parameter "name"',
    );
    assertEquals(
      await ask('root.callRemote("login", b"alice", username=b"alice")'),
      'builtins.TypeError: remote_login() got "username" twice',
    );
  },
);

twistedTest(
  "[Broker loginLogout] a Twisted client logs in at our server, uses its avatar, and logs out",
  async () => {
    await using ours = ourServer();
    const { code, lines } = await runPython("login_client.py", ["--port", ours.port]);
    const [login, whoami, echo, add, callMind, fail, missing, calls] = lines;
    assertEquals(login?.type, "RemoteReference");
    assertEquals(whoami, { call: "whoami", type: "str", repr: "'alice'" });
    assertEquals(echo?.repr, "[1, 'two', b'three']");
    assertEquals(add?.repr, "3");
    assertEquals(callMind?.repr, "[1, 'two']");
    assertEquals(fail, { call: "fail", error: "interop.AppError", message: "not for you" });
    assertEquals(missing?.error, "twisted.spread.flavors.NoSuchMethod");
    assertEquals(calls, { calls: [[["welcome", "alice"], {}], [[1, "two"], {}]] });
    assertEquals(code, 0);
    await Promise.all(Array.from(ours.server.brokers, (broker) => broker.closed));
    assertEquals(ours.realm.events, ["login alice", "logout alice"]);
  },
);

for (
  const { name, args, anonymous, error } of [
    {
      name: "a wrong password",
      args: ["--password", "wrong"],
      error: "twisted.cred.error.UnauthorizedLogin",
    },
    {
      name: "an unknown user",
      args: ["--user", "mallory"],
      error: "twisted.cred.error.UnauthorizedLogin",
    },
    {
      name: "an anonymous user that is not permitted",
      args: ["--anonymous"],
      anonymous: false,
      error: "twisted.cred.error.UnhandledCredentials",
    },
  ]
) {
  twistedTest(`a Twisted client learns that our server refuses ${name}`, async () => {
    await using ours = ourServer({ anonymous });
    const { lines } = await runPython("login_client.py", ["--port", ours.port, ...args]);
    assertEquals(lines[0]?.error, error);
    assertEquals(lines.length, 2);
    assertEquals(ours.realm.events, []);
  });
}

twistedTest(
  "a Twisted client logs in anonymously, and several times over one connection",
  async () => {
    await using ours = ourServer();
    await using python = await startPython("console.py", ["--port", ours.port]);
    const repr = async (expression: string) => (await python.ask(expression)).repr;
    await repr('keep(a=login("alice", "secret"), b=login("alice", "secret"), c=anonymous())');
    const all = 'all([x.callRemote("whoami") for x in (a, b, c)])';
    assertEquals(await repr(all), "['alice', 'alice', 'anonymous']");
    await repr('keep(d=a.callRemote("document"))');
    assertEquals(await repr('d.callRemote("read")'), "['alice', 'text']");
    await repr('forget("a")');
    assertEquals(await repr('b.callRemote("whoami")'), "'alice'");
    assertEquals(ours.realm.events.filter((event) => event.startsWith("logout")), ["logout alice"]);
    await python.close();
    await Promise.all(Array.from(ours.server.brokers, (broker) => broker.closed));
    assertEquals(ours.realm.events.slice(3).toSorted(), [
      "logout alice",
      "logout alice",
      "logout anonymous",
    ]);
  },
);
