/**
 * Who may log in, and what they get: portals, realms, credentials and checkers.
 *
 * A {@linkcode Portal} takes credentials, asks a checker whose they are, and asks the realm for an
 * avatar for that user. It is Twisted's cred, and knows nothing about the protocol that uses it.
 *
 * @example
 * ```ts
 * import {
 *   CredInterface,
 *   InMemoryUsernamePasswordDatabaseDontUse,
 *   type IRealm,
 *   Portal,
 *   UnauthorizedLogin,
 *   UsernamePassword,
 * } from "@perspective/broker/cred";
 * import { assertRejects } from "@std/assert";
 *
 * const IPage = new CredInterface<{ title: string }>("example.IPage");
 * const realm: IRealm = { requestAvatar: () => [IPage, { title: "Home" }, () => {}] };
 * const users = new InMemoryUsernamePasswordDatabaseDontUse({ alice: "secret" });
 * const portal = new Portal(realm, [users]);
 *
 * const guess = new UsernamePassword("alice", "guess");
 * await assertRejects(() => portal.login(guess, null, IPage), UnauthorizedLogin);
 * ```
 *
 * @module
 */

export * from "./bearer_token.ts";
export * from "./checkers.ts";
export * from "./cram_md5.ts";
export * from "./cred_interface.ts";
export * from "./credentials.ts";
export * from "./digest.ts";
export * from "./errors.ts";
export * from "./file_password_db.ts";
export * from "./login_limiter.ts";
export * from "./login_throttle.ts";
export * from "./portal.ts";
export * from "./scram.ts";
export * from "./scram_checker.ts";
export * from "./scram_credentials.ts";
export * from "./scram_verifier.ts";
