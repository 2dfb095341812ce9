/**
 * Notes of users, each of whom can have one client at a time: logging in again takes over.
 *
 *     deno task deno run -A examples/takeover_server.ts --port 8787
 *
 * The previous client is told, so that it does not reconnect and take over in turn.
 */

import {
  Avatar,
  type AvatarGrant,
  type AvatarId,
  callOptions,
  InMemoryUsernamePasswordDatabaseDontUse,
  IPerspective,
  type IRealm,
  LoginDenied,
  Portal,
  RemoteReference,
  serve,
} from "@perspective/broker";
import { type Place, runAt, serveUntilInterrupted } from "./place.ts";

/** What a user's client has to provide. */
export interface Client {
  /** Somebody has logged in as the same user; the connection is about to be closed. */
  remote_takenOver(): void;
}

/** What a user can do. */
export class Notebook extends Avatar {
  readonly #notes: string[];

  constructor(notes: string[]) {
    super();
    this.#notes = notes;
  }
  perspective_write(note: string): void {
    this.#notes.push(note);
  }
  perspective_read(): string[] {
    return this.#notes;
  }
}

/** Milliseconds that the calls of a client have to end once it was taken over. */
const TIME_TO_END = 1000;

/** Gives each user one notebook, and lets one client at a time have it. */
export class TakeoverRealm implements IRealm {
  readonly #notes = new Map<string, string[]>();
  /** The client that each user logged in from last. */
  readonly #clients = new Map<string, RemoteReference<Client>>();
  readonly #timeToHear: number;

  /**
   * Creates a realm without users.
   *
   * @param timeToHear Milliseconds that a client gets to learn that it was taken over.
   */
  constructor(timeToHear: number = 1000) {
    this.#timeToHear = timeToHear;
  }

  async requestAvatar(user: AvatarId, client: unknown): Promise<AvatarGrant<IPerspective>> {
    if (typeof user !== "string" || !(client instanceof RemoteReference)) {
      throw new LoginDenied("Cannot log in: a user's client has to be told when it is taken over");
    }
    const before = this.#clients.get(user);
    // From now on a third client takes over from this one, even while the first is being told.
    this.#clients.set(user, client);
    if (before !== undefined) await this.#takeOver(user, before);
    const notes = this.#notes.get(user) ?? [];
    this.#notes.set(user, notes);
    console.log(`${user} has come`);
    return [IPerspective, new Notebook(notes), () => {
      if (this.#clients.get(user) === client) this.#clients.delete(user);
      console.log(`${user} has left`);
    }];
  }

  /** Tells a client, closes its connection, and waits until its logout has run. */
  async #takeOver(user: string, client: RemoteReference<Client>): Promise<void> {
    console.log(`${user} is taken over`);
    try {
      await client.callRemote("takenOver", callOptions({ timeout: this.#timeToHear }));
    } catch {
      // It may be gone, which is perhaps why the user logs in again.
    }
    await client.broker.close({
      graceful: TIME_TO_END,
      reason: { kind: "policyViolation", message: "the same user has logged in elsewhere" },
    });
  }
}

async function main({ hostname, port }: Place): Promise<void> {
  const users = new InMemoryUsernamePasswordDatabaseDontUse({ alice: "secret", bob: "secret" });
  const server = serve(new Portal(new TakeoverRealm(), [users]), { hostname, port });
  await serveUntilInterrupted(server);
}

const USAGE = `Notes that each user keeps at one place at a time: who logs in again takes over.

Usage: takeover_server.ts [--host HOST] [--port PORT]
`;

if (import.meta.main) await runAt(USAGE, main);
