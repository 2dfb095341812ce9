/**
 * The rooms of the chat, and who is in them: what `chat_server.ts` serves.
 *
 * A member who joins a room gets two objects: the room, to say something there, and a live cache of
 * who is there. What is said in the room goes to the object that the member passed at login.
 */

import {
  Avatar,
  type AvatarGrant,
  type AvatarId,
  IPerspective,
  type IRealm,
  LiveCacheable,
  LoginDenied,
  PBError,
  RemoteReference,
  Viewable,
} from "@perspective/broker";

/** A line that a member has said. */
export type Line = {
  /** Unique, so that a client that rejoins knows which lines are new. */
  id: string;
  /** Who said it. */
  who: string;
  text: string;
  /** When, in milliseconds since 1970. */
  at: number;
};

/** What a member's client passes at login: it is called with what is said. */
export interface Screen {
  /** Shows lines from a room; right after joining, those that were said before. */
  remote_said(room: string, lines: Line[]): void;
}

/** Something that the chat does not allow; the client sees the message. */
export class ChatError extends PBError {
  static override readonly jellyName = "chat.ChatError";
}

/** Who is in a room: each client there has a cache of it. */
export class People extends LiveCacheable {
  static readonly jellyName = "chat.People";
  /** Their names, in order. */
  names: string[] = [];
}

/** Number of lines that are kept for members who join later. */
const HISTORY = 100;
const MAX_TEXT = 2000;
const MAX_ROOMS = 100;
/** Limits for one user: open windows, and rooms joined in each window. */
const MAX_WINDOWS = 10;
const MAX_JOINED = 10;
const ROOM_NAME = /^[\p{L}\p{N}][\p{L}\p{N} _-]{0,29}$/u;

/** A place to talk. Its `view_` methods are told which member calls. */
export class Room extends Viewable {
  readonly name: string;
  readonly people: People = new People();
  readonly #members = new Set<Member>();
  readonly #lines: Line[] = [];

  constructor(name: string) {
    super();
    this.name = name;
  }

  has(member: Member): boolean {
    return this.#members.has(member);
  }

  get isEmpty(): boolean {
    return this.#members.size === 0;
  }

  view_say(member: Member, text: string): void {
    if (!this.#members.has(member)) throw new ChatError(`You are not in ${this.name}`);
    if (typeof text !== "string" || text.trim() === "") throw new ChatError("Say something");
    if (text.length > MAX_TEXT) throw new ChatError(`Say no more than ${MAX_TEXT} characters`);
    const line = { id: crypto.randomUUID(), who: member.name, text, at: Date.now() };
    this.#lines.push(line);
    if (this.#lines.length > HISTORY) this.#lines.shift();
    for (const each of this.#members) each.show(this, [line]);
  }

  view_leave(member: Member): void {
    this.leave(member);
  }

  enter(member: Member): void {
    if (this.#members.has(member)) throw new ChatError(`You are already in ${this.name}`);
    this.#members.add(member);
    this.#changed();
    member.show(this, this.#lines);
  }

  leave(member: Member): void {
    if (this.#members.delete(member)) this.#changed();
  }

  /** Sets the field, and the caches follow. A user who is there twice is listed once. */
  #changed(): void {
    const names = Array.from(this.#members, ({ name }) => name);
    this.people.names = [...new Set(names)].sort();
  }
}

/** A logged-in user: one for each window that the user has open. */
export class Member extends Avatar {
  readonly name: string;
  readonly #chat: Chat;
  readonly #screen: unknown;

  constructor(name: string, chat: Chat, screen: unknown) {
    super();
    this.name = name;
    this.#chat = chat;
    this.#screen = screen;
  }

  perspective_rooms(): string[] {
    return this.#chat.roomNames();
  }

  perspective_join(name: string): { room: Room; people: People } {
    const room = this.#chat.roomFor(this, name);
    room.enter(this);
    return { room, people: room.people };
  }

  show(room: Room, lines: Line[]): void {
    if (!(this.#screen instanceof RemoteReference)) return;
    // If the client is gone, or does not read, the connection takes care of it.
    this.#screen.callRemoteOnly("said", room.name, lines);
  }
}

/** All rooms; the realm that members log in to. */
export class Chat implements IRealm {
  readonly #rooms = new Map<string, Room>();
  readonly #windows = new Map<string, number>();

  requestAvatar(avatarId: AvatarId, screen: unknown): AvatarGrant<IPerspective> {
    if (typeof avatarId !== "string") throw new LoginDenied("Cannot log in: members only");
    const windows = this.#windows.get(avatarId) ?? 0;
    if (windows >= MAX_WINDOWS) {
      throw new LoginDenied(`Cannot log in: you are already here ${windows} times`);
    }
    this.#windows.set(avatarId, windows + 1);
    const member = new Member(avatarId, this, screen);
    const logout = () => {
      for (const room of this.#rooms.values()) room.leave(member);
      const left = this.#windows.get(avatarId)! - 1;
      if (left === 0) this.#windows.delete(avatarId);
      else this.#windows.set(avatarId, left);
    };
    return [IPerspective, member, logout];
  }

  roomNames(): string[] {
    return [...this.#rooms.keys()].sort();
  }

  /** Finds a room for a member, or opens a new one. */
  roomFor(member: Member, name: string): Room {
    const joined = [...this.#rooms.values()].filter((room) => room.has(member)).length;
    if (joined >= MAX_JOINED) throw new ChatError(`You are already in ${joined} rooms`);
    if (typeof name !== "string" || !ROOM_NAME.test(name)) {
      throw new ChatError("The name of a room has up to 30 letters and digits");
    }
    let room = this.#rooms.get(name);
    if (room === undefined) {
      this.#makePlace();
      this.#rooms.set(name, room = new Room(name));
    }
    return room;
  }

  /** If there are too many rooms, closes an empty one. */
  #makePlace(): void {
    if (this.#rooms.size < MAX_ROOMS) return;
    for (const [name, room] of this.#rooms) {
      if (room.isEmpty) {
        this.#rooms.delete(name);
        return;
      }
    }
    throw new ChatError(`There are already ${MAX_ROOMS} rooms, with somebody in each`);
  }
}
