import { assert, assertEquals } from "@std/assert";
import {
  LoginDenied,
  LoginFailed,
  Unauthorized,
  UnauthorizedLogin,
  UnhandledCredentials,
} from "../../cred/mod.ts";
import vectors from "../vectors/cred.json" with { type: "json" };

const CLASSES = { LoginDenied, LoginFailed, Unauthorized, UnauthorizedLogin, UnhandledCredentials };

for (const [name, parents] of Object.entries(vectors.errors)) {
  Deno.test(`${name} has the name and base classes of its Python counterpart`, () => {
    const one = CLASSES[name as keyof typeof CLASSES];
    assertEquals(one.jellyParents, parents);
    assertEquals(one.jellyName, parents[0]);
    assertEquals(new one().name, name);
    assertEquals(one.name, name);
  });
}

Deno.test("instanceof agrees with Python's base classes for every pair of errors", () => {
  for (const one of Object.values(CLASSES)) {
    for (const other of Object.values(CLASSES)) {
      const expected = one.jellyParents.includes(other.jellyName);
      assertEquals(new one() instanceof other, expected, `${one.name} instanceof ${other.name}`);
    }
  }
});

Deno.test("UnauthorizedLogin is not an instance of a subclass of Unauthorized", () => {
  class Expired extends Unauthorized {}
  assert(new Expired() instanceof Unauthorized);
  assert(new Expired() instanceof Expired);
  assert(!(new UnauthorizedLogin() instanceof Expired));
  assert(!(new Unauthorized() instanceof Expired));
});

Deno.test("cred errors keep message and cause", () => {
  const cause = new Error("disk");
  for (const one of Object.values(CLASSES)) {
    const error = new one("Cannot do", { cause });
    assertEquals([error.message, error.cause], ["Cannot do", cause]);
  }
});

Deno.test("LoginDenied says when to try again, if known", () => {
  assertEquals(new LoginDenied("Cannot log in", { retryAfter: 1500 }).retryAfter, 1500);
  assertEquals(new LoginDenied().retryAfter, undefined);
});
