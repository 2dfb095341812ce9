import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import {
  AllowAnonymousAccess,
  ANONYMOUS,
  Anonymous,
  type AvatarGrant,
  CramMD5Credentials,
  CredInterface,
  DigestedCredentials,
  type ICredentials,
  type ICredentialsChecker,
  InMemoryUsernamePasswordDatabaseDontUse,
  type IRealm,
  IUsernameHashedPassword,
  IUsernamePassword,
  LoginDenied,
  Portal,
  UnauthorizedLogin,
  UnhandledCredentials,
  UsernamePassword,
} from "../../cred/mod.ts";
import vectors from "../vectors/cred.json" with { type: "json" };

interface ITestable {
  readonly name: string;
}
const ITestable: CredInterface<ITestable> = new CredInterface("example.ITestable");

/** Grants avatars named like their users, and records what happens. */
class TestRealm implements IRealm {
  readonly log: unknown[] = [];

  requestAvatar(avatarId: unknown, mind: unknown, ...interfaces: CredInterface[]): AvatarGrant {
    this.log.push({ avatarId, mind, interfaces });
    const logout = () => void this.log.push("logout");
    return [ITestable, { name: String(avatarId) }, logout];
  }
}

function bobsPortal(realm: IRealm = new TestRealm()): Portal {
  return new Portal(realm, [new InMemoryUsernamePasswordDatabaseDontUse({ bob: "hello" })]);
}

const BOB = new UsernamePassword("bob", "hello");

Deno.test("Portal.listCredentialsInterfaces() lists interfaces in order of registration", () => {
  const portal = bobsPortal();
  assertEquals<CredInterface[]>(portal.listCredentialsInterfaces(), [
    IUsernamePassword,
    IUsernameHashedPassword,
  ]);
  portal.listCredentialsInterfaces().pop();
  assertEquals(portal.listCredentialsInterfaces().length, 2);
});

Deno.test("Portal.login() returns the realm's grant, and passes on the mind", async () => {
  const realm = new TestRealm();
  const mind = { notify: () => {} };
  const [provided, avatar, logout] = await bobsPortal(realm).login(BOB, mind, ITestable);
  assertStrictEquals(provided, ITestable);
  assertEquals(avatar.name, "bob");
  assertEquals(realm.log, [{ avatarId: "bob", mind, interfaces: [ITestable] }]);
  await logout();
  assertEquals(realm.log.at(-1), "logout");
});

Deno.test("Portal.login() accepts credentials of a derived interface", async () => {
  const IDerived = new CredInterface("example.IDerived", [IUsernamePassword]);
  const credentials = {
    provides: [ITestable, IDerived],
    username: "bob",
    checkPassword: (password: string) => password === "hello",
  };
  const [, avatar] = await bobsPortal().login(credentials, null, ITestable);
  assertEquals(avatar.name, "bob");
});

Deno.test("Portal.login() rejects an unknown user and a wrong password in the same way", async () => {
  const realm = new TestRealm();
  const portal = bobsPortal(realm);
  const messages = new Set<string>();
  for (const [name, password] of [["bob", "h3llo"], ["jay", "hello"]]) {
    const attempt = new UsernamePassword(name!, password!);
    const error = await assertRejects(() => portal.login(attempt, null), UnauthorizedLogin);
    messages.add(error.message);
  }
  assertEquals(messages.size, 1);
  assertEquals(realm.log, []);
});

Deno.test("Portal.login() names the interfaces that no checker handles, as Twisted does", async () => {
  const portal = new Portal(new TestRealm());
  const fields = new Map<string, string>();
  const credentials: Record<keyof typeof vectors.unhandled, ICredentials> = {
    Anonymous: new Anonymous(),
    UsernamePassword: new UsernamePassword("", ""),
    CramMD5Credentials: new CramMD5Credentials(),
    DigestedCredentials: new DigestedCredentials("", { method: "", realm: "", fields }),
  };
  for (const [name, message] of Object.entries(vectors.unhandled)) {
    const one = credentials[name as keyof typeof credentials];
    await assertRejects(() => portal.login(one, null), UnhandledCredentials, message);
  }
});

Deno.test("Portal.login() asks the checker of the first interface registered", async () => {
  const ITwo = new CredInterface<ICredentials>("example.ITwo");
  const IOne = new CredInterface<ICredentials>("example.IOne");
  const named = (name: string, kind: CredInterface<ICredentials>): ICredentialsChecker => ({
    credentialInterfaces: [kind],
    requestAvatarId: () => name,
  });
  const portal = new Portal(new TestRealm(), [named("two", ITwo), named("one", IOne)]);
  const both = { provides: [IOne, ITwo] };
  const avatarName = async () => (await portal.login(both, null, ITestable))[1].name;
  assertEquals(await avatarName(), "two");

  // A new checker for a registered interface keeps its position.
  portal.registerChecker(named("new", ITwo));
  assertEquals(await avatarName(), "new");
  assertEquals<CredInterface[]>(portal.listCredentialsInterfaces(), [ITwo, IOne]);
});

Deno.test("Portal.registerChecker() registers a checker for the given interfaces", () => {
  const portal = new Portal(new TestRealm());
  portal.registerChecker(new InMemoryUsernamePasswordDatabaseDontUse(), IUsernamePassword);
  assertEquals<CredInterface[]>(portal.listCredentialsInterfaces(), [IUsernamePassword]);
});

Deno.test("Portal.login() asks no second checker when the first one refuses", async () => {
  const portal = bobsPortal();
  portal.registerChecker(new InMemoryUsernamePasswordDatabaseDontUse({ jay: "x" }));
  await assertRejects(() => portal.login(BOB, null), UnauthorizedLogin);
});

Deno.test("Portal.login() chooses between the anonymous checker and another one", async () => {
  const realm = new TestRealm();
  const portal = bobsPortal(realm);
  portal.registerChecker(new AllowAnonymousAccess());
  await portal.login(new Anonymous(), null, ITestable);
  await portal.login(BOB, null, ITestable);
  const ids = realm.log.map((entry) => (entry as { avatarId: unknown }).avatarId);
  assertEquals(ids, [ANONYMOUS, "bob"]);
});

Deno.test("Portal.login() waits for slow checkers, credentials and realms", async () => {
  const gate = Promise.withResolvers<void>();
  const realm: IRealm = {
    async requestAvatar(avatarId) {
      await gate.promise;
      return [ITestable, { name: String(avatarId) }, async () => await gate.promise];
    },
  };
  const slow = {
    provides: [IUsernameHashedPassword],
    username: "bob",
    checkPassword: () => gate.promise.then(() => true),
  };
  let settled = false;
  const login = bobsPortal(realm).login(slow, null, ITestable).finally(() => settled = true);
  await Promise.resolve();
  assert(!settled);
  gate.resolve();
  assertEquals((await login)[1].name, "bob");
});

const FAULTS = {
  "a checker that throws": () => {
    throw new LoginDenied("full");
  },
  "a checker that rejects": () => Promise.reject(new LoginDenied("full")),
};
for (const [name, requestAvatarId] of Object.entries(FAULTS)) {
  Deno.test(`Portal.login() rejects with the error of ${name}`, async () => {
    const checker = { credentialInterfaces: [IUsernamePassword], requestAvatarId };
    const portal = new Portal(new TestRealm(), [checker]);
    await assertRejects(() => portal.login(BOB, null), LoginDenied, "full");
  });
  Deno.test(`Portal.login() rejects with the error of ${name.replace("checker", "realm")}`, async () => {
    const portal = bobsPortal({ requestAvatar: requestAvatarId });
    await assertRejects(() => portal.login(BOB, null), LoginDenied, "full");
  });
}

for (const nothing of [undefined, null, false, 0, [], Symbol("ANONYMOUS"), new Uint8Array()]) {
  Deno.test(`Portal.login() refuses ${Deno.inspect(nothing)} as an avatar id`, async () => {
    const realm = new TestRealm();
    const requestAvatarId = () => nothing as unknown as string;
    const checker = { credentialInterfaces: [IUsernamePassword], requestAvatarId };
    const portal = new Portal(realm, [checker]);
    await assertRejects(() => portal.login(BOB, null), TypeError, "no avatar id");
    assertEquals(realm.log, []);
  });
}

for (const nothing of [undefined, null, [], {}, [ITestable, {}], ["x", {}, () => {}]]) {
  Deno.test(`Portal.login() refuses ${Deno.inspect(nothing)} as a grant`, async () => {
    const portal = bobsPortal({ requestAvatar: () => nothing as unknown as AvatarGrant });
    await assertRejects(() => portal.login(BOB, null), TypeError, "realm returned no");
  });
}

Deno.test("Portal.login() logs out an avatar whose interface the caller did not ask for", async () => {
  const realm = new TestRealm();
  const IOther = new CredInterface("example.IOther");
  await assertRejects(
    () => bobsPortal(realm).login(BOB, null, IOther),
    TypeError,
    'Cannot grant "example.ITestable": realm was asked for example.IOther',
  );
  assertEquals(realm.log.at(-1), "logout");
});

Deno.test("Portal.login() accepts a grant of an interface that extends the requested one", async () => {
  const IMore: CredInterface<ITestable> = new CredInterface("example.IMore", [ITestable]);
  const portal = bobsPortal({ requestAvatar: () => [IMore, { name: "more" }, () => {}] });
  const [provided, avatar] = await portal.login(BOB, null, ITestable);
  assertEquals([provided, avatar.name], [IMore, "more"]);
});
