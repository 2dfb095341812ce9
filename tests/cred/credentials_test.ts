import { assert, assertEquals } from "@std/assert";
import {
  Anonymous,
  type CredInterface,
  IAnonymous,
  IUsernameDigestHash,
  IUsernameHashedPassword,
  IUsernameMD5Password,
  IUsernamePassword,
  providedBy,
  UsernameHashedPassword,
  UsernamePassword,
} from "../../cred/mod.ts";
import { equalSecrets } from "../../cred/bytes.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

const SECRETS = [
  { name: "text and the same text", given: "sécret", right: "sécret", same: true },
  { name: "text and its bytes", given: "sécret", right: bytes("sécret"), same: true },
  { name: "bytes and their text", given: bytes("sécret"), right: "sécret", same: true },
  {
    name: "bytes that are not text",
    given: Uint8Array.of(255),
    right: Uint8Array.of(255),
    same: true,
  },
  { name: "empty text and empty bytes", given: "", right: new Uint8Array(), same: true },
  { name: "a wrong last letter", given: "secreT", right: "secret", same: false },
  { name: "a prefix", given: "secre", right: "secret", same: false },
  { name: "a longer text", given: "secrets", right: "secret", same: false },
  { name: "a text and a zero byte", given: "secret\0", right: "secret", same: false },
  { name: "an empty text and a password", given: "", right: "secret", same: false },
  { name: "a text and an empty password", given: "secret", right: "", same: false },
  { name: "another Unicode normal form", given: "é", right: "e\u0301", same: false },
];
for (const { name, given, right, same } of SECRETS) {
  Deno.test(`checkPassword() compares ${name}`, () => {
    assertEquals(new UsernamePassword("alice", given).checkPassword(right), same);
    assertEquals(new UsernameHashedPassword("alice", given).checkPassword(right), same);
    assertEquals(equalSecrets(given, right), same);
  });
}

Deno.test("equalSecrets() compares only the given part of a buffer", () => {
  const buffer = bytes("xxsecretxx");
  assert(equalSecrets(buffer.subarray(2, 8), "secret"));
});

Deno.test("Credentials provide their own interface and no other", () => {
  const all: CredInterface[] = [
    IAnonymous,
    IUsernameDigestHash,
    IUsernameHashedPassword,
    IUsernameMD5Password,
    IUsernamePassword,
  ];
  const CASES = [
    { credentials: new Anonymous(), provided: IAnonymous },
    { credentials: new UsernamePassword("a", "b"), provided: IUsernamePassword },
    { credentials: new UsernameHashedPassword("a", "b"), provided: IUsernameHashedPassword },
  ];
  for (const { credentials, provided } of CASES) {
    assertEquals(all.filter((one) => providedBy(one, credentials)), [provided]);
  }
});
