/**
 * The client side of the chat, without a user interface: for the terminal (`chat_client.ts`) and
 * the page (`page.ts`).
 */

import {
  backoff,
  type ICredentials,
  JellyRegistry,
  LiveCache,
  openSession,
  Referenceable,
  RemoteError,
  type RemoteReference,
  type Session,
  type SessionState,
  UnauthorizedLogin,
  UnhandledCredentials,
} from "@perspective/broker";
// Types only, so that no server code ends up in the page.
import type { Line, Member, Room, Screen } from "./rooms.ts";

export type { Line };

/** The cache of `People`: who is in a room. */
export class PeopleCache extends LiveCache {
  names: string[] = [];
}

/** What a client has while it is connected. */
interface Seat {
  room: RemoteReference<Room>;
  people: PeopleCache;
}

/** Shows what happens. */
export interface ChatView {
  /** Somebody has said something. */
  said(line: Line): void;
  /** Who is in the room; called each time that changes. */
  people(names: readonly string[]): void;
  /** The state of the connection has changed. */
  state(state: SessionState): void;
}

/** Where to connect, and as whom. */
export interface ChatOptions {
  url: string | URL;
  credentials: ICredentials;
  room: string;
  view: ChatView;
}

/** Milliseconds that a line waits for a connection. */
const PATIENCE = 10_000;

/** The object that the server calls: shows each line once, however often the client rejoins. */
class ChatScreen extends Referenceable implements Screen {
  readonly #view: ChatView;
  readonly #seen = new Set<string>();

  constructor(view: ChatView) {
    super();
    this.#view = view;
  }

  remote_said(_room: string, lines: Line[]): void {
    for (const line of lines) {
      if (this.#seen.has(line.id)) continue;
      this.#seen.add(line.id);
      this.#view.said(line);
    }
  }
}

/** Keeps its place in a room, over as many connections as it takes. */
export class ChatClient implements AsyncDisposable {
  readonly #session: Session<Seat>;

  constructor({ url, credentials, room, view }: ChatOptions) {
    const registry = new JellyRegistry();
    registry.setUnjellyableForClass("chat.People", PeopleCache);
    this.#session = openSession(url, {
      credentials,
      mind: new ChatScreen(view),
      registry,
      backoff: backoff({ initial: 500, max: 15_000 }),
      giveUp: isHopeless,
      // The view shows why there is no connection; the rest of the log is for programmers.
      log: ({ level, message, error }) => {
        if (level === "error") console.error(message, error);
      },
      onState: (state) => view.state(state),
      recipe: async (member: RemoteReference<Member>) => {
        const { room: seat, people } = await member.callRemote("join", room);
        if (!(people instanceof PeopleCache)) {
          throw new TypeError("The server is not a chat server");
        }
        people.notifyOnChange(() => view.people(people.names));
        view.people(people.names);
        return { room: seat, people };
      },
    });
  }

  /** Resolves when the client has ended, with the reason, or undefined if that was on purpose. */
  get closed(): Promise<Error | undefined> {
    return this.#session.closed;
  }

  /** Says something; without a connection, it waits for one. */
  async say(text: string): Promise<void> {
    await this.#session.use(({ room }) => room.callRemote("say", text), { wait: PATIENCE });
  }

  /** Reconnects now, rather than later. */
  retry(): void {
    this.#session.retry();
  }

  /** Leaves the room and disconnects. */
  async close(): Promise<void> {
    await this.#session.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Whether trying again cannot help, because the password or the room's name is wrong. */
function isHopeless(reason: Error): boolean {
  return reason instanceof UnauthorizedLogin || reason instanceof UnhandledCredentials ||
    (reason instanceof RemoteError && Boolean(reason.check("chat.ChatError")));
}
