// Logins between this library and real Twisted, in both roles.

import { createHash } from "node:crypto";
import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import {
  AllowAnonymousAccess,
  Anonymous,
  BearerToken,
  BearerTokenChecker,
  connect,
  FilePasswordDB,
  type ICredentialsChecker,
  IUsernameMD5Password,
  LoginDenied,
  LoginFailed,
  Referenceable,
  RemoteError,
  type RemoteReference,
  serve,
  UnauthorizedLogin,
  UnhandledCredentials,
  UsernamePassword,
} from "@perspective/broker";
import { SqlitePasswordDB } from "@perspective/broker/cred/sqlite";
import { type Facts, type PythonPeer, startPython, twistedTest } from "../../interop/peer.ts";
import { type Grant, Member, type TestPortal, testPortal, users } from "./login_realm.ts";

const ANY_PORT = { hostname: "127.0.0.1", port: 0 } as const;

/** A Python expression for credentials, with a name of any type. */
const known = (name: string, password: string) =>
  `__import__("twisted.cred.credentials").cred.credentials.UsernamePassword(${name}, ${password})`;

async function passwordFile(stack: AsyncDisposableStack): Promise<string> {
  const file = await Deno.makeTempFile();
  stack.defer(() => Deno.remove(file));
  await Deno.writeTextFile(file, "alice:secret\n");
  return file;
}

/** Starts our server, and a Twisted console that is connected to it. */
async function served(
  stack: AsyncDisposableStack,
  checkers: ICredentialsChecker[],
  avatarFor?: Grant,
): Promise<TestPortal & { console: PythonPeer; log: string[] }> {
  const portal = testPortal({ checkers, ...(avatarFor && { avatarFor }) });
  const log: string[] = [];
  const server = stack.use(
    serve(portal.root, { ...ANY_PORT, log: ({ message }) => void log.push(message) }),
  );
  const { port } = server.addr as Deno.NetAddr;
  return {
    ...portal,
    console: stack.use(await startPython("console.py", ["--port", `${port}`])),
    log,
  };
}

// Clients of Twisted at our server.

const CHECKERS: Record<
  string,
  (stack: AsyncDisposableStack) => ICredentialsChecker | Promise<ICredentialsChecker>
> = {
  InMemoryUsernamePasswordDatabaseDontUse: users,
  FilePasswordDB: async (stack) => new FilePasswordDB(await passwordFile(stack)),
  async SqlitePasswordDB(stack) {
    const options = { scrypt: { cost: 1024 }, scramIterations: 4096, storeMD5: true };
    const database = stack.use(new SqlitePasswordDB(":memory:", options));
    await database.addUser("alice", "secret");
    return database;
  },
  "a checker of MD5 digests": () => {
    const digest = createHash("md5").update("secret").digest();
    const checker: ICredentialsChecker<IUsernameMD5Password> = {
      credentialInterfaces: [IUsernameMD5Password],
      async requestAvatarId(credentials) {
        if (await credentials.checkMD5Password(digest)) return credentials.username;
        throw new UnauthorizedLogin();
      },
    };
    return checker;
  },
};
for (const [name, make] of Object.entries(CHECKERS)) {
  twistedTest(
    `a Twisted client logs in at our server with ${name}, and is refused with wrong credentials`,
    async () => {
      await using stack = new AsyncDisposableStack();
      const { console, realm } = await served(stack, [await make(stack)]);
      for (const user of ['b"alice"', '"alice"']) {
        await console.ask(`keep(avatar=factory.login(${known(user, 'b"secret"')}))`);
        assertEquals(await console.ask('avatar.callRemote("whoami")'), {
          type: "str",
          repr: "'alice'",
        });
        await console.ask('forget("avatar")');
      }
      for (const [user, password] of [["alice", "guess"], ["mallory", "guess"], ["", ""]]) {
        assertEquals(await console.ask(`login("${user}", "${password}")`), {
          error: "twisted.cred.error.UnauthorizedLogin",
          message: "Cannot log in: credentials not accepted",
        });
      }
      for (const user of ['b"\\xff\\xfe"', "7", "None", "[]"]) {
        assertEquals(
          (await console.ask(`root.callRemote("login", ${user})`)).error,
          "twisted.cred.error.UnauthorizedLogin",
        );
      }
      assertEquals(realm.events, ["login alice", "logout alice", "login alice", "logout alice"]);
    },
  );
}

twistedTest(
  "a Twisted client logs in several times at once with minds, and is logged out when it ends",
  async () => {
    await using stack = new AsyncDisposableStack();
    const { console, realm } = await served(
      stack,
      [users(), new AllowAnonymousAccess()],
      async (name, mind) => {
        const answer = await (mind as RemoteReference).callRemote("called", "welcome", name);
        assertEquals(answer, ["welcome", name]);
        return new Member(name, mind);
      },
    );
    await console.ask("keep(a=Counter(), b=Counter(), c=Counter())");
    const logins = 'login("alice", "secret", a), login("jürgen", "gehëim", b), anonymous(c)';
    await console.ask(`keep(avatars=all([${logins}]))`);
    assertEquals(
      (await console.ask('all([one.callRemote("whoami") for one in avatars])')).repr,
      "['alice', 'jürgen', 'anonymous']",
    );
    assertEquals(
      (await console.ask("[a.calls, b.calls, c.calls]")).repr,
      "[[[['welcome', 'alice'], {}]], [[['welcome', 'jürgen'], {}]], [[['welcome', 'anonymous'], {}]]]",
    );
    assertEquals(
      (await console.ask('avatars[1].callRemote("callMind", 1, b"two")')).repr,
      "[1, b'two']",
    );
    await console.close();
    while (realm.events.length < 6) await new Promise((resolve) => setTimeout(resolve, 1));
    assertEquals(realm.events.slice(3).sort(), [
      "logout alice",
      "logout anonymous",
      "logout jürgen",
    ]);
  },
);

twistedTest("a Twisted client can check a failed login by class and by name", async () => {
  await using stack = new AsyncDisposableStack();
  const errors: Record<string, Error> = {
    alice: new LoginDenied("Cannot log in: the house is full"),
    jürgen: new TypeError("users is undefined"),
  };
  const { console } = await served(stack, [users()], (name) => {
    throw errors[name];
  });
  const check = (login: string, kinds: string) =>
    console.ask(
      `${login}.addErrback(lambda f: (f.check(${kinds}).__name__, f.type, f.getErrorMessage()))`,
    ).then(({ repr }) => repr);
  const cred = '__import__("twisted.cred.error").cred.error';
  assertEquals(
    await check('login("alice", "guess")', `${cred}.LoginDenied, ${cred}.UnauthorizedLogin`),
    "('UnauthorizedLogin', b'twisted.cred.error.UnauthorizedLogin', " +
      "'Cannot log in: credentials not accepted')",
  );
  assertEquals(
    await check('login("alice", "secret")', `${cred}.UnauthorizedLogin, ${cred}.LoginFailed`),
    "('LoginFailed', b'twisted.cred.error.LoginDenied', 'Cannot log in: the house is full')",
  );
  assertEquals(
    await check('login("jürgen", "gehëim")', `${cred}.UnauthorizedLogin, ${cred}.LoginFailed`),
    "('LoginFailed', b'twisted.cred.error.LoginFailed', 'Cannot log in: the server has failed')",
  );
  assertEquals(
    await check("anonymous()", `${cred}.UnhandledCredentials`),
    "('UnhandledCredentials', b'twisted.cred.error.UnhandledCredentials', " +
      "'No checker for twisted.cred.credentials.IAnonymous')",
  );
});

twistedTest("a Twisted client logs nothing about our server's additional dialects", async () => {
  await using stack = new AsyncDisposableStack();
  // The observer is added over another connection, so that it sees all of the second one.
  const { console, root } = await served(stack, [users()]);
  await using server = serve(root, ANY_PORT);
  const { port } = server.addr as Deno.NetAddr;
  await console.ask(
    'keep(log=__import__("twisted.python.log").python.log, heard=[], client=pb.PBClientFactory())',
  );
  await console.ask("log.addObserver(lambda e: heard.append(log.textFromEventDict(e)))");
  await console.ask(
    `keep(port=__import__("twisted.internet.reactor").internet.reactor.connectTCP("127.0.0.1", ${port}, client))`,
  );
  await console.ask(`keep(avatar=client.login(${known('b"alice"', 'b"secret"')}))`);
  assertEquals((await console.ask('avatar.callRemote("whoami")')).repr, "'alice'");
  const heard = await console.ask("[text for text in heard if text and 'factory' not in text]");
  assertEquals(heard, { type: "list", repr: "[]" });
});

twistedTest("a Twisted client is told when weakMechanisms: never refuses MD5", async () => {
  const { root } = testPortal({ weakMechanisms: "never" });
  await using server = serve(root, { ...ANY_PORT, log: () => {} });
  const { port } = server.addr as Deno.NetAddr;
  await using console = await startPython("console.py", ["--port", `${port}`]);
  assertEquals(await console.ask('login("alice", "secret")'), {
    error: "twisted.cred.error.UnhandledCredentials",
    message: "Cannot log in: MD5 is not allowed here",
  });
});

// Our client at servers of Twisted.

/** Reads a number of lines that the server prints. */
async function heard(server: PythonPeer, count: number): Promise<Facts[]> {
  const facts: Facts[] = [];
  while (facts.length < count) {
    const one = await server.read();
    assert(one, "the server has ended");
    facts.push(one);
  }
  return facts;
}

class Mind extends Referenceable {}

for (const checker of ["memory", "file", "md5"]) {
  twistedTest(
    `Broker.login() logs in at a Twisted server with checker "${checker}", which logs no errors`,
    async () => {
      await using stack = new AsyncDisposableStack();
      const file = await passwordFile(stack);
      const args = ["--checker", checker, "--file", file];
      const server = stack.use(await startPython("checkers_server.py", args));
      const broker = stack.use(await connect(`pb://127.0.0.1:${server.port}`));
      assertEquals(broker.dialect, "pb");
      const mind = new Mind();
      const logins = ["secret", new TextEncoder().encode("secret")].map((password) =>
        broker.login(new UsernamePassword("alice", password), mind)
      );
      for (const avatar of await Promise.all(logins)) {
        assertEquals(await avatar.callRemote("whoami"), "alice");
        avatar.release();
      }
      const said = await heard(server, 4);
      assertEquals(said.filter(({ log }) => log), []);
      assertEquals(said.filter(({ login }) => login), [
        { login: "alice", mind: "RemoteReference" },
        { login: "alice", mind: "RemoteReference" },
      ]);
      assertEquals(said.filter(({ logout }) => logout).length, 2);

      for (const [user, password] of [["alice", "guess"], ["mallory", "secret"]] as const) {
        const failure = await assertRejects(
          () => broker.login(new UsernamePassword(user, password)),
          UnauthorizedLogin,
        );
        assertInstanceOf(failure, RemoteError);
        assertEquals(failure.remoteType, "twisted.cred.error.UnauthorizedLogin");
      }
      const denied = await assertRejects(() => broker.login(new Anonymous()), LoginDenied);
      assertInstanceOf(denied, LoginFailed);
      assertEquals(denied.message, "not today");
    },
  );
}

twistedTest(
  "Broker.login() sends a Twisted server no tokens, and no MD5 with weakMechanisms: never",
  async () => {
    await using server = await startPython("checkers_server.py");
    await using broker = await connect(`pb://127.0.0.1:${server.port}`);
    const alice = new UsernamePassword("alice", "secret");
    await assertRejects(
      () => broker.login(alice, null, { weakMechanisms: "never" }),
      UnhandledCredentials,
      "Cannot log in: the server accepts MD5, ANONYMOUS, and this client offers SCRAM-SHA-256",
    );
    await assertRejects(
      () => broker.login(new BearerToken("t"), null, { secure: true }),
      UnhandledCredentials,
      "Cannot log in: the server accepts MD5, ANONYMOUS, and this client offers BEARER",
    );
    await assertRejects(
      () => broker.login(alice, null, { mechanisms: ["PLAIN"], secure: true }),
      UnhandledCredentials,
    );
    // If anything had been logged, it would come before this.
    await broker.login(alice);
    assertEquals(await server.read(), { login: "alice", mind: "NoneType" });
  },
);

twistedTest("one server accepts Twisted's clients and bearer tokens at the same time", async () => {
  await using stack = new AsyncDisposableStack();
  const tokens = new BearerTokenChecker((token) => token === "t" ? "robot" : null);
  const portal = testPortal({ checkers: [users(), tokens], secure: true });
  const server = stack.use(serve(portal.root, ANY_PORT));
  const { port } = server.addr as Deno.NetAddr;
  const console = stack.use(await startPython("console.py", ["--port", `${port}`]));
  const broker = stack.use(await connect(server.url));
  await console.ask('keep(avatar=login("alice", "secret"))');
  const robot = await broker.login(new BearerToken("t"), null, { secure: true });
  assertEquals(await robot.callRemote("whoami"), "robot");
  assertEquals((await console.ask('avatar.callRemote("whoami")')).repr, "'alice'");
});
