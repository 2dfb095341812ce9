import { assertEquals, assertRejects } from "@std/assert";
import {
  AllowAnonymousAccess,
  ANONYMOUS,
  Anonymous,
  type CredInterface,
  IAnonymous,
  InMemoryUsernamePasswordDatabaseDontUse,
  IUsernameHashedPassword,
  IUsernamePassword,
  UnauthorizedLogin,
  UsernameHashedPassword,
  UsernamePassword,
} from "../../cred/mod.ts";

Deno.test("AllowAnonymousAccess accepts anonymous credentials, with an avatar id that is not text", () => {
  const checker = new AllowAnonymousAccess();
  assertEquals(checker.credentialInterfaces, [IAnonymous]);
  assertEquals(checker.requestAvatarId(new Anonymous()), ANONYMOUS);
  assertEquals(typeof ANONYMOUS, "symbol");
});

const SOURCES = {
  "a record": { alice: "secret", bob: Uint8Array.of(1, 2) },
  "a Map": new Map<string, string | Uint8Array>([["alice", "secret"], [
    "bob",
    Uint8Array.of(1, 2),
  ]]),
};
for (const [name, users] of Object.entries(SOURCES)) {
  Deno.test(`InMemoryUsernamePasswordDatabaseDontUse takes users from ${name}`, async () => {
    const checker = new InMemoryUsernamePasswordDatabaseDontUse(users);
    for (const kind of [UsernamePassword, UsernameHashedPassword]) {
      assertEquals(await checker.requestAvatarId(new kind("alice", "secret")), "alice");
      assertEquals(await checker.requestAvatarId(new kind("bob", Uint8Array.of(1, 2))), "bob");
      for (const [user, password] of [["alice", "bob"], ["carol", "secret"], ["Alice", "secret"]]) {
        const attempt = new kind(user!, password!);
        await assertRejects(() => checker.requestAvatarId(attempt), UnauthorizedLogin);
      }
    }
  });
}

Deno.test("InMemoryUsernamePasswordDatabaseDontUse checks the same credentials as Twisted's", () => {
  const kinds = new InMemoryUsernamePasswordDatabaseDontUse().credentialInterfaces;
  assertEquals<readonly CredInterface[]>(kinds, [IUsernamePassword, IUsernameHashedPassword]);
});

Deno.test("InMemoryUsernamePasswordDatabaseDontUse.addUser() adds a user, and changes a password", async () => {
  const users = { alice: "old" };
  const checker = new InMemoryUsernamePasswordDatabaseDontUse(users);
  checker.addUser("alice", "new");
  checker.addUser("bob", "");
  assertEquals(await checker.requestAvatarId(new UsernamePassword("alice", "new")), "alice");
  assertEquals(await checker.requestAvatarId(new UsernamePassword("bob", "")), "bob");
  const attempt = new UsernamePassword("alice", "old");
  await assertRejects(() => checker.requestAvatarId(attempt), UnauthorizedLogin);
  assertEquals(users, { alice: "old" });
});

Deno.test("InMemoryUsernamePasswordDatabaseDontUse does not take names of Object.prototype for users", async () => {
  const checker = new InMemoryUsernamePasswordDatabaseDontUse({});
  for (const name of ["__proto__", "constructor", "toString"]) {
    const attempt = new UsernamePassword(name, "");
    await assertRejects(() => checker.requestAvatarId(attempt), UnauthorizedLogin);
  }
});

Deno.test("InMemoryUsernamePasswordDatabaseDontUse checks and refuses an unknown user like a wrong password", async () => {
  const checker = new InMemoryUsernamePasswordDatabaseDontUse({ alice: "secret" });
  const refusals: Error[] = [];
  for (const username of ["alice", "nobody"]) {
    let checks = 0;
    const credentials = {
      provides: [IUsernameHashedPassword],
      username,
      checkPassword: () => Promise.resolve(++checks < 0),
    };
    refusals.push(
      await assertRejects(() => checker.requestAvatarId(credentials), UnauthorizedLogin),
    );
    assertEquals(checks, 1);
  }
  assertEquals(refusals[0]?.message, refusals[1]?.message);
});

Deno.test("InMemoryUsernamePasswordDatabaseDontUse refuses an unknown user even if the credentials accept any password", async () => {
  const checker = new InMemoryUsernamePasswordDatabaseDontUse({});
  const liar = { provides: [IUsernameHashedPassword], username: "eve", checkPassword: () => true };
  await assertRejects(() => checker.requestAvatarId(liar), UnauthorizedLogin);
});
