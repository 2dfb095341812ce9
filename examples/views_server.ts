/**
 * A guest book for alice and bob, each of whom has their own view of it.
 *
 *     deno task deno run -A examples/views_server.ts --port 8787
 *
 * The password of both is `secret`. `views_client.ts` logs in as each of them, and so does Python:
 * `python3 examples/python/views_client.py`.
 */

import {
  Avatar,
  type AvatarGrant,
  type AvatarId,
  InMemoryUsernamePasswordDatabaseDontUse,
  IPerspective,
  type IRealm,
  PBError,
  Portal,
  serve,
  Viewable,
} from "@perspective/broker";
import { runAt, serveUntilInterrupted } from "./place.ts";

/** A book that everybody may read and write; its methods are told who calls. */
class GuestBook extends Viewable {
  readonly #notes: { by: string; text: string }[] = [];

  view_write(guest: Guest, text: string): number {
    return this.#notes.push({ by: guest.name, text });
  }
  view_read(guest: Guest): string[] {
    return this.#notes.map(({ by, text }) => `${by === guest.name ? "you" : by}: ${text}`);
  }
  view_erase(guest: Guest, number: number): void {
    const note = this.#notes[number - 1];
    if (note?.by !== guest.name) throw new PBError(`Note ${number} is not yours`);
    this.#notes.splice(number - 1, 1);
  }
}

/** What a guest gets after logging in. */
class Guest extends Avatar {
  constructor(readonly name: string, readonly book: GuestBook) {
    super();
  }
  perspective_book(): GuestBook {
    return this.book;
  }
}

/** Gives every guest the same book. */
class House implements IRealm {
  readonly #book = new GuestBook();

  requestAvatar(avatarId: AvatarId): AvatarGrant<IPerspective> {
    const name = String(avatarId);
    console.log(`${name} has come`);
    return [IPerspective, new Guest(name, this.#book), () => console.log(`${name} has left`)];
  }
}

const users = new InMemoryUsernamePasswordDatabaseDontUse({ alice: "secret", bob: "secret" });
const portal = new Portal(new House(), [users]);

await runAt(
  `A guest book for alice and bob, which everybody sees with their own eyes.

Usage: views_server.ts [--host HOST] [--port PORT]
`,
  (place) => serveUntilInterrupted(serve(portal, place)),
);
