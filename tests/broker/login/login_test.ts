import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { runInNewContext } from "node:vm";
import { setFlagsFromString } from "node:v8";
import {
  AllowAnonymousAccess,
  Anonymous,
  type AvatarGrant,
  type Broker,
  callOptions,
  connect,
  ConnectError,
  Copyable,
  CopyableError,
  type ICredentialsChecker,
  InMemoryUsernamePasswordDatabaseDontUse,
  IPerspective,
  JellyRegistry,
  type Kwargs,
  kwargs,
  LoginDenied,
  LoginFailed,
  PBClientFactory,
  PBConnectionLost,
  PBError,
  Portal,
  ProtocolError,
  Referenceable,
  RemoteCopy,
  RemoteError,
  type RemoteReference,
  serve,
  Unauthorized,
  UnauthorizedLogin,
  UnhandledCredentials,
  UsernamePassword,
  Viewable,
  ViewPoint,
} from "@perspective/broker";
import { Member, testPortal, TestRealm, users } from "./login_realm.ts";
import { settle, testPair } from "../pair.ts";

const alice = new UsernamePassword("alice", "secret");
/** The mechanism of stock Twisted clients, to which all rules apply too. */
const MD5 = { mechanisms: ["MD5"] } as const;

class Mind extends Referenceable {
  readonly calls: unknown[][] = [];
  remote_called(...args: unknown[]): unknown[] {
    this.calls.push(args);
    return args;
  }
}

Deno.test("PortalRoot tells a client that calls another method to log in first", async () => {
  await using pair = await testPair(testPortal().portal);
  const root = pair.client.root();
  const error = await assertRejects(() => root.callRemote("whoami"), RemoteError);
  assertEquals(error.message, "No such method: remote_whoami; log in first");
  // Clients recognise a missing login method by this message.
  const missing = await assertRejects(() => root.callRemote("loginByBadge"), RemoteError);
  assertEquals(missing.message, "No such method: remote_loginByBadge");
});

Deno.test("[Broker loginConnectionRefused] PBClientFactory.login() rejects with ConnectError when the connection is refused", async () => {
  const server = serve(new Portal(new TestRealm()), { hostname: "127.0.0.1", port: 0 });
  await server.close();
  const factory = new PBClientFactory();
  const login = factory.login(alice);
  await assertRejects(() => factory.connect(server.url), ConnectError);
  await assertRejects(() => login, ConnectError, "connection refused");
  await assertRejects(() => connect(server.url), ConnectError);
});

for (const options of [MD5, {}]) {
  const how = options === MD5 ? "by MD5, as in Twisted" : "by SCRAM";
  Deno.test(`[Broker loginLogout] Broker.login() passes the mind to the realm, and logs out once: ${how}`, async () => {
    const { realm, root } = testPortal();
    const pair = await testPair(root);
    const mind = new Mind();
    const avatar = await pair.client.login<Member>(alice, mind, options);
    assertEquals(await avatar.callRemote("whoami"), "alice");
    assertEquals(await avatar.callRemote("callMind", 1, "two"), [1, "two"]);
    assertEquals(mind.calls, [[1, "two"]]);
    assertEquals(realm.events, ["login alice"]);
    await pair[Symbol.asyncDispose]();
    assertEquals(realm.events, ["login alice", "logout alice"]);
  });

  Deno.test(`[Broker logoutAfterDecref] release of the avatar logs out: ${how}`, async () => {
    const { realm, root } = testPortal();
    const pair = await testPair(root);
    await settle();
    const before = pair.server.counts;
    const avatar = await pair.client.login<Member>(alice, null, options);
    avatar.release();
    await settle();
    assertEquals(realm.events, ["login alice", "logout alice"]);
    assertEquals(pair.server.counts, before);
    assert(!pair.server.isClosed);
    await pair[Symbol.asyncDispose]();
    assertEquals(realm.events, ["login alice", "logout alice"]);
  });

  Deno.test(`[Broker concurrentLogin] simultaneous logins over one connection get separate avatars: ${how}`, async () => {
    const { realm, root } = testPortal();
    await using pair = await testPair(root);
    const names = ["alice", "jürgen", "alice", "jürgen"];
    const avatars = await Promise.all(names.map((name) =>
      pair.client.login<Member>(
        new UsernamePassword(name, name === "alice" ? "secret" : "gehëim"),
        null,
        options,
      )
    ));
    assertEquals(new Set(avatars).size, 4);
    assertEquals(await Promise.all(avatars.map((avatar) => avatar.callRemote("whoami"))), names);
    avatars[1]!.release();
    await settle();
    assertEquals(realm.events.filter((event) => event.startsWith("logout")), ["logout jürgen"]);
    assertEquals(await avatars[3]!.callRemote("whoami"), "jürgen");
  });

  Deno.test(`[Broker badUsernamePasswordLogin] an unknown user and a wrong password are refused in the same way, and logged: ${how}`, async () => {
    const { realm, root } = testPortal();
    await using pair = await testPair(root);
    const failures = [];
    for (const [name, password] of [["alice", "guess"], ["nobody", "secret"], ["", ""]] as const) {
      if (name === "" && options !== MD5) continue;
      const failure = await assertRejects(
        () => pair.client.login(new UsernamePassword(name, password), null, options),
        UnauthorizedLogin,
      );
      assertInstanceOf(failure, RemoteError);
      assertInstanceOf(failure, Unauthorized);
      failures.push([
        failure.message,
        failure.remoteType,
        failure.parents,
        failure.remoteTraceback,
      ]);
    }
    assertEquals(failures[1], failures[0]);
    assertEquals(failures[0]![0], "Cannot log in: credentials not accepted");
    assertEquals(pair.serverLog.slice(0, 2).map(({ level, message }) => [level, message]), [
      [
        "warning",
        'Login of "alice" from memory:first refused: Cannot log in: credentials not accepted',
      ],
      [
        "warning",
        'Login of "nobody" from memory:first refused: Cannot log in: credentials not accepted',
      ],
    ]);
    assertEquals(realm.events, []);
    const avatar = await pair.client.login<Member>(alice, null, options);
    assertEquals(await avatar.callRemote("whoami"), "alice");
  });
}

Deno.test("[Broker anonymousLogin] Broker.login() accepts Anonymous when the portal allows it", async () => {
  const { realm, root } = testPortal({ checkers: [new AllowAnonymousAccess()] });
  const pair = await testPair(root);
  const avatar = await pair.client.login<Member>(new Anonymous());
  assertEquals(await avatar.callRemote("whoami"), "anonymous");
  await pair[Symbol.asyncDispose]();
  assertEquals(realm.events, ["login anonymous", "logout anonymous"]);
});

Deno.test("[Broker anonymousLoginNotPermitted] Broker.login() rejects Anonymous with UnhandledCredentials otherwise", async () => {
  const { root } = testPortal();
  await using pair = await testPair(root);
  const failure = await assertRejects(
    () => pair.client.login(new Anonymous()),
    UnhandledCredentials,
  );
  assertInstanceOf(failure, LoginFailed);
  assertEquals(pair.serverLog.length, 1);
});

Deno.test("[Broker anonymousLoginWithMultipleCheckers] [Broker authenticatedLoginWithMultipleCheckers] each login is checked by the right checker", async () => {
  const { root } = testPortal({ checkers: [users(), new AllowAnonymousAccess()] });
  await using pair = await testPair(root);
  const anybody = await pair.client.login<Member>(new Anonymous());
  const somebody = await pair.client.login<Member>(alice, null, MD5);
  assertEquals(await anybody.callRemote("whoami"), "anonymous");
  assertEquals(await somebody.callRemote("whoami"), "alice");
});

Deno.test("[Broker NSP] an avatar with only perspectiveMessageReceived() can be called", async () => {
  class Special implements IPerspective {
    perspectiveMessageReceived(
      _broker: Broker,
      message: string,
      args: unknown[],
      kw: Kwargs | undefined,
    ): unknown {
      return [message, args, { ...kw }];
    }
  }
  const { root } = testPortal({ avatarFor: () => new Special() });
  await using pair = await testPair(root);
  const avatar = await pair.client.login(alice, null, MD5);
  assertEquals(await avatar.callRemote("foo", 1, kwargs({ bar: "baz" })), ["foo", [1], {
    bar: "baz",
  }]);
});

Deno.test("[Broker view] a Viewable that an avatar returns gets the avatar as its first argument", async () => {
  class Page extends Viewable {
    view_read(user: Member, line: number): unknown {
      return [user.name, line];
    }
  }
  class Reader extends Member {
    perspective_page(): Page {
      return new Page();
    }
  }
  const { root } = testPortal({ avatarFor: (name) => new Reader(name) });
  await using pair = await testPair(root);
  const avatar = await pair.client.login(alice, null, MD5);
  const page = await avatar.callRemote("page") as RemoteReference;
  assertEquals(await page.callRemote("read", 3), ["alice", 3]);
});

Deno.test("[Broker logoutLeak] mind and avatar are garbage collected after the connection is lost, even if they form a cycle", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const held: WeakRef<object>[] = [];
  class Cycle extends TestRealm {
    override requestAvatar(id: string, mind: unknown): Promise<AvatarGrant> {
      const avatar = Object.assign(new Member(id, mind), { logout: () => void avatar.mind });
      held.push(new WeakRef(mind as object), new WeakRef(avatar));
      return Promise.resolve([IPerspective, avatar, avatar.logout]);
    }
  }
  const pair = await testPair(new Portal(new Cycle(), [users()]));
  await pair.client.login(alice, new Mind(), MD5);
  assertEquals(pair.server.counts.remoteObjects, 1);
  await pair[Symbol.asyncDispose]();
  await settle();
  collect();
  assertEquals(held.map((object) => object.deref()), [undefined, undefined]);
});

Deno.test("Broker.login() answers calls of the mind while the login is pending", async () => {
  const { root } = testPortal({
    avatarFor: async (name, mind) => {
      await (mind as RemoteReference).callRemote("called", "welcome", name);
      return new Member(name, mind);
    },
  });
  await using pair = await testPair(root);
  for (const mechanism of ["MD5", "PLAIN", "SCRAM-SHA-256"] as const) {
    const mind = new Mind();
    await pair.client.login(alice, mind, { mechanisms: [mechanism] });
    assertEquals(mind.calls, [["welcome", "alice"]]);
  }
});

Deno.test("Broker.login() rejects when the connection is closed, or closes during the login", async () => {
  const never = new Promise<never>(() => {});
  const { realm, root } = testPortal({ avatarFor: () => never });
  const pair = await testPair(root);
  const login = pair.client.login(alice, null, MD5);
  login.catch(() => {});
  while (realm.events.length === 0) await settle();
  await pair.server.close();
  await assertRejects(() => login, PBConnectionLost);
  await assertRejects(() => pair.client.login(alice), ProtocolError);
  await pair[Symbol.asyncDispose]();
  assertEquals(realm.events, ["login alice"]);
});

Deno.test("PortalRoot tells the client why a realm refuses a user, and logs it as a warning", async () => {
  const { root } = testPortal({
    avatarFor: () => {
      throw new PBError("there is no room");
    },
  });
  await using pair = await testPair(root);
  await assertRejects(() => pair.client.login(alice), PBError, "there is no room");
  assertEquals(pair.serverLog.map(({ event, level, message }) => [event, level, message]), [[
    "loginRefused",
    "warning",
    'Login of "alice" from memory:first refused: there is no room',
  ]]);
});

Deno.test("PortalRoot logs out when the connection was lost before the realm granted the avatar", async () => {
  const work = Promise.withResolvers<void>();
  const { realm, root } = testPortal({
    avatarFor: async (name) => {
      await work.promise;
      return new Member(name);
    },
  });
  const pair = await testPair(root);
  pair.client.login(alice, null, MD5).catch(() => {});
  while (realm.events.length === 0) await settle();
  await pair[Symbol.asyncDispose]();
  assertEquals(realm.events, ["login alice"]);
  work.resolve();
  await settle();
  assertEquals(realm.events, ["login alice", "logout alice"]);
  assertEquals(pair.serverLog, []);
});

Deno.test("PortalRoot logs out at once when the avatar cannot be sent", async () => {
  const { realm, root } = testPortal();
  await using pair = await testPair(root, { server: { limits: { maxReferences: 1 } } });
  await pair.client.login(alice, null, { mechanisms: ["PLAIN"] });
  const before = pair.server.counts;
  await assertRejects(
    () =>
      pair.client.login(new UsernamePassword("jürgen", "gehëim"), null, { mechanisms: ["PLAIN"] }),
    PBError,
    "Maximum PB reference count exceeded.",
  );
  assertEquals(realm.events, ["login alice", "login jürgen", "logout jürgen"]);
  assertEquals(pair.server.counts, before);
  assert(!pair.server.isClosed);
});

Deno.test("PortalRoot logs out at once after a login call without an answer", async () => {
  const { realm, root } = testPortal({ checkers: [users(), new AllowAnonymousAccess()] });
  await using pair = await testPair(root);
  await pair.client.root().callRemote("loginAnonymous", null, callOptions({ answer: false }));
  while (realm.events.length < 2) await settle();
  assertEquals(realm.events, ["login anonymous", "logout anonymous"]);
});

Deno.test("PortalRoot fails the login without a logout when the realm throws", async () => {
  const { realm, root } = testPortal({
    avatarFor: () => {
      throw new Error("secret of the server");
    },
  });
  await using pair = await testPair(root);
  const failure = await assertRejects(() => pair.client.login(alice, null, MD5), LoginFailed);
  assertEquals(failure.message, "Cannot log in: the server has failed");
  assertEquals(realm.events, ["login alice"]);
  assertEquals(pair.serverLog.map(({ level, message }) => [level, message]), [
    ["error", 'Login of "alice" from memory:first failed'],
  ]);
  assertEquals((pair.serverLog[0]!.error as Error).message, "secret of the server");
});

for (const avatar of [{}, null, undefined, "avatar", 7]) {
  Deno.test(`PortalRoot fails the login and logs out when the avatar is ${JSON.stringify(avatar)}`, async () => {
    const { realm, root } = testPortal({ avatarFor: () => avatar });
    await using pair = await testPair(root);
    await assertRejects(
      () => pair.client.login(alice, null, MD5),
      LoginFailed,
      "server has failed",
    );
    assertEquals(realm.events, ["login alice", "logout alice"]);
    assertEquals(pair.serverLog.length, 1);
  });
}

Deno.test("PortalRoot logs an error of the logout function, and clears its tables", async () => {
  const realm = new TestRealm();
  const portal = new Portal({
    async requestAvatar(id, mind) {
      const [kind, avatar] = await realm.requestAvatar(id, mind);
      return [kind, avatar, () => Promise.reject(new Error("no database"))];
    },
  }, [users()]);
  const pair = await testPair(portal);
  await pair.client.login(alice, null, MD5);
  await pair[Symbol.asyncDispose]();
  await settle();
  assertEquals(pair.serverLog.map(({ message }) => message), ["A callback failed"]);
});

Deno.test("PBServer.close() logs out all users", async () => {
  const realm = new TestRealm();
  const server = serve(new Portal(realm, [users()]), { hostname: "127.0.0.1", port: 0 });
  await using broker = await connect(server.url);
  await broker.login(alice);
  await server.close();
  await broker.closed;
  assertEquals(realm.events, ["login alice", "logout alice"]);
});

// Avatars of other flavors.

class Room extends Referenceable {
  remote_name(): string {
    return "room";
  }
}

Deno.test("an avatar that is Referenceable is one reference for all its logins, and its release logs out all", async () => {
  const room = new Room();
  const { realm, root } = testPortal({ avatarFor: () => room });
  await using pair = await testPair(root);
  const first = await pair.client.login(alice, null, MD5);
  const second = await pair.client.login(new UsernamePassword("jürgen", "gehëim"), null, MD5);
  assert(first === second);
  assertEquals(await first.callRemote("name"), "room");
  assertEquals(realm.events, ["login alice", "login jürgen"]);
  first.release();
  await settle();
  assertEquals(realm.events.slice(2).sort(), ["logout alice", "logout jürgen"]);
});

Deno.test("an Avatar that two logins share is a reference for each, whose release logs out one", async () => {
  class Shared extends Member {
    perspective_self(): this {
      return this;
    }
  }
  const shared = new Shared("everybody");
  const { realm, root } = testPortal({ avatarFor: () => shared });
  await using pair = await testPair(root);
  const first = await pair.client.login(alice, null, MD5);
  const second = await pair.client.login(new UsernamePassword("jürgen", "gehëim"), null, MD5);
  assert(first !== second);
  first.release();
  await settle();
  assertEquals(realm.events, ["login alice", "login jürgen", "logout alice"]);
  assertEquals(await second.callRemote("whoami"), "everybody");
  second.release();
  await settle();
  assertEquals(realm.events.slice(3), ["logout jürgen"]);
  assertEquals(pair.server.counts.localObjects, 1);
  // The first of those who are there gets the reference that the avatar itself travels as.
  using third = await pair.client.login(alice, null, MD5);
  using self = await third.callRemote("self") as RemoteReference;
  assert(self === third);
});

Deno.test("an avatar that is a ViewPoint is sent as a reference to its view", async () => {
  const page = { view_read: (user: { name: string }) => user.name };
  const { realm, root } = testPortal({ avatarFor: (name) => new ViewPoint({ name }, page) });
  await using pair = await testPair(root);
  using avatar = await pair.client.login(alice, null, MD5);
  assertEquals(await avatar.callRemote("read"), "alice");
  avatar.release();
  await settle();
  assertEquals(realm.events, ["login alice", "logout alice"]);
});

Deno.test("an avatar that is Copyable arrives as a copy if the client asks for its class", async () => {
  class Profile extends Copyable {
    static readonly jellyName = "login.Profile";
    constructor(readonly name: string) {
      super();
    }
  }
  class RemoteProfile extends RemoteCopy {
    declare name: string;
  }
  const registry = new JellyRegistry();
  registry.setUnjellyableForClass(Profile, RemoteProfile);
  const { realm, root } = testPortal({ avatarFor: (name) => new Profile(name) });
  const pair = await testPair(root, { client: { registry } });
  for (const mechanism of ["MD5", "SCRAM-SHA-256"] as const) {
    const profile = await pair.client.login(alice, null, {
      avatar: RemoteProfile,
      mechanisms: [mechanism],
    });
    assertInstanceOf(profile, RemoteProfile);
    assertEquals(profile.name, "alice");
  }
  await assertRejects(
    () => pair.client.login(alice, null, MD5),
    ProtocolError,
    "the avatar that the server sent is not of class RemoteReference",
  );
  await pair[Symbol.asyncDispose]();
  assertEquals(realm.events.filter((event) => event === "logout alice").length, 3);
});

// What the client learns of a failure.

const TOLD = [
  {
    name: "LoginDenied with its message",
    error: new LoginDenied("Cannot log in: the house is full"),
    type: "twisted.cred.error.LoginDenied",
    message: "Cannot log in: the house is full",
    cls: LoginDenied,
  },
  {
    name: "LoginFailed",
    error: new LoginFailed("Cannot log in: no"),
    type: "twisted.cred.error.LoginFailed",
    message: "Cannot log in: no",
    cls: LoginFailed,
  },
  {
    name: "UnauthorizedLogin without its message",
    error: new UnauthorizedLogin("no user of that name", { cause: new Error("table users") }),
    type: "twisted.cred.error.UnauthorizedLogin",
    message: "Cannot log in: credentials not accepted",
    cls: UnauthorizedLogin,
  },
  {
    name: "PBError with its message",
    error: new PBError("on purpose"),
    type: "twisted.spread.pb.Error",
    message: "on purpose",
    cls: PBError,
  },
  {
    name: "TypeError as LoginFailed without details",
    error: new TypeError("users is undefined"),
    type: "twisted.cred.error.LoginFailed",
    message: "Cannot log in: the server has failed",
    cls: LoginFailed,
  },
];
for (const { name, error, type, message, cls } of TOLD) {
  for (const who of ["checker", "realm"]) {
    Deno.test(`Broker.login() rejects with an error of the ${who}: ${name}`, async () => {
      const fail = () => {
        throw error;
      };
      const broken = users();
      if (who === "checker") broken.requestAvatarId = fail;
      const { root } = testPortal({
        checkers: [broken],
        ...(who === "realm" && { avatarFor: fail }),
      });
      await using pair = await testPair(root, { server: { unsafeTracebacks: true } });
      for (const mechanism of ["MD5", "PLAIN", "SCRAM-SHA-256"] as const) {
        const failure = await assertRejects(
          () => pair.client.login(alice, null, { mechanisms: [mechanism] }),
          cls,
        );
        assertInstanceOf(failure, RemoteError);
        assertEquals([failure.remoteType, failure.message], [type, message]);
        assertEquals(failure.remoteTraceback, "Traceback unavailable\n");
      }
      assertEquals(pair.serverLog.length, 3);
    });
  }
}

Deno.test("Broker.login() rejects with a subclass of LoginDenied that a checker throws later", async () => {
  class TooManyDevices extends LoginDenied {
    static override readonly jellyName = "shop.TooManyDevices";
    static override readonly jellyParents = ["shop.TooManyDevices", ...LoginDenied.jellyParents];
  }
  const checker: ICredentialsChecker = {
    credentialInterfaces: new InMemoryUsernamePasswordDatabaseDontUse().credentialInterfaces,
    async requestAvatarId() {
      await settle();
      throw new TooManyDevices("Cannot log in: three devices are logged in");
    },
  };
  const { root } = testPortal({ checkers: [checker] });
  await using pair = await testPair(root);
  const failure = await assertRejects(() => pair.client.login(alice, null, MD5), LoginDenied);
  assertInstanceOf(failure, RemoteError);
  assertEquals(failure.check("shop.TooManyDevices"), "shop.TooManyDevices");
  assertEquals(failure.message, "Cannot log in: three devices are logged in");
});

Deno.test("Broker.login() rejects with a CopyableError that a realm throws", async () => {
  class Banned extends CopyableError {
    static override readonly jellyName = "shop.Banned";
    until = "";
  }
  const registry = new JellyRegistry();
  registry.setUnjellyableForClass(Banned, Banned);
  const { root } = testPortal({
    avatarFor: () => {
      throw Object.assign(new Banned("for now"), { until: "tomorrow" });
    },
  });
  await using pair = await testPair(root, { client: { registry } });
  for (const mechanism of ["MD5", "SCRAM-SHA-256"] as const) {
    const login = pair.client.login(alice, null, { mechanisms: [mechanism] });
    assertEquals((await assertRejects(() => login, Banned, "for now")).until, "tomorrow");
  }
});
