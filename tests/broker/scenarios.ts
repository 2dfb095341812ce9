/** The objects of tests/vectors/recorder/scenarios.py, for replaying conversations. */
import { assertEquals } from "@std/assert";
import {
  Avatar,
  IPerspective,
  type Kwargs,
  kwargs,
  PBError,
  Referenceable,
  type RemoteReference,
  Root,
  Viewable,
} from "@perspective/broker/broker";
import {
  AllowAnonymousAccess,
  ANONYMOUS,
  type AvatarGrant,
  type AvatarId,
  InMemoryUsernamePasswordDatabaseDontUse,
  type IRealm,
  Portal,
} from "@perspective/broker/cred";
import { tuple } from "@perspective/broker/jelly";
import { conversation } from "../vectors/load.ts";
import { settle } from "./pair.ts";
import { failureIn, plain, type RawPeer } from "./raw_peer.ts";

/** An error that a program defines. */
export class AppError extends PBError {
  static override readonly jellyName = "scenarios.AppError";
}

/** An object that is sent by reference. */
export class Counter extends Referenceable {
  constructor(public count = 0) {
    super();
  }
  remote_add(n: number): number {
    return this.count += n;
  }
  remote_fail(): never {
    throw new AppError("the counter failed");
  }
}

/** The root object of the server. */
export class Service extends Root {
  readonly counter = new Counter();
  held: unknown = null;

  remote_echo(...args: unknown[]): unknown {
    return args.length === 1 ? args[0] : tuple(...args);
  }
  remote_keywords(...args: unknown[]): unknown {
    const keywords = Object.entries(args.pop() as Kwargs);
    keywords.sort(([a], [b]) => a < b ? -1 : 1);
    return [args, keywords.map(([name, value]) => tuple(name, value))];
  }
  remote_note(_text: string): void {}
  remote_fail(kind: string): never {
    switch (kind) {
      case "error":
        throw new PBError("known");
      case "subclass":
        throw new AppError("of the program");
      case "value":
        throw new RangeError("wrong value");
      case "unicode":
        throw new RangeError("h\u00e9llo \u{1f600}");
      default:
        throw new RangeError("");
    }
  }
  async remote_later(value: number): Promise<number> {
    // The last of three is the first to be answered.
    for (let turns = 4 - value; turns !== 0; turns--) await settle();
    return value;
  }
  remote_callMe(reference: RemoteReference, ...args: unknown[]): Promise<unknown> {
    using called = reference;
    return called.callRemote("add", ...args);
  }
  remote_relay(reference: RemoteReference): Promise<unknown> {
    using called = reference;
    return called.callRemote("fail");
  }
  remote_hold(value: unknown): void {
    this.held = value;
  }
  remote_held(): unknown {
    return this.held;
  }
  remote_release(): void {
    for (const one of [this.held].flat()) (one as RemoteReference).release();
  }
  remote_counter(): Counter {
    return this.counter;
  }
  remote_isCounter(counter: unknown): boolean {
    return counter === this.counter;
  }
  remote_large(): string {
    return "a".repeat(640 * 1024 + 1);
  }
}

/** A viewable that tells a user's name and its text. */
export class Document extends Viewable {
  constructor(readonly text: string) {
    super();
  }
  view_read(user: User): string[] {
    return [user.name, this.text];
  }
}

/** What a user may do. */
export class User extends Avatar {
  constructor(readonly name: string, readonly mind: RemoteReference | null) {
    super();
  }
  perspective_add(a: number, keywords: Kwargs<{ to?: number }> = kwargs({})): number {
    return a + (keywords.to ?? 0);
  }
  perspective_whoami(): string {
    return this.name;
  }
  perspective_callMind(...args: unknown[]): Promise<unknown> {
    return this.mind!.callRemote("add", ...args);
  }
  perspective_fail(): never {
    throw new AppError("not for you");
  }
  perspective_view(): Document {
    return new Document("text");
  }
}

/** Gives each user an avatar; may call the mind during the login. */
class Realm implements IRealm {
  constructor(readonly callsMind: boolean) {}

  async requestAvatar(id: AvatarId, mind: unknown): Promise<AvatarGrant<IPerspective>> {
    const reference = mind as RemoteReference | null;
    if (this.callsMind) await reference!.callRemote("add", 1);
    const user = new User(id === ANONYMOUS ? "anonymous" : id, reference);
    return [IPerspective, user, () => reference?.release()];
  }
}

/** A portal with one user, alice, whose password is secret. */
export function guarded({ anonymous = false, callsMind = false } = {}): Portal {
  const portal = new Portal(new Realm(callsMind));
  portal.registerChecker(new InMemoryUsernamePasswordDatabaseDontUse({ alice: "secret" }));
  if (anonymous) portal.registerChecker(new AllowAnonymousAccess());
  return portal;
}

/**
 * Plays one side of a recorded conversation to our broker, and checks that it plays the other.
 *
 * In Twisted, it is up to the garbage collector when a reference is released: the test checks that
 * it is, but not when.
 */
export async function play(
  name: string,
  side: "client" | "server",
  peer: RawPeer,
): Promise<void> {
  const { messages } = conversation(name);
  const expected: unknown[] = [];
  const released: unknown[] = [];
  const hear = async () => {
    for (;;) {
      const heard = await peer.hear();
      if (!isDecref(heard)) return heard;
      released.push(heard);
    }
  };
  // Our servers offer more dialects than Twisted's, which is tested elsewhere.
  for (const message of side === "client" ? messages.slice(1) : messages) {
    if (message.closed !== undefined) return;
    const recorded = plain(message.sexp);
    if (message.from === side) await peer.say(message.wire);
    else if (isDecref(recorded)) expected.push(recorded);
    else assertEquals(comparable(await hear()), comparable(recorded));
  }
  while (released.length < expected.length) released.push(await peer.hear());
  assertEquals(released, expected);
}

function isDecref(message: unknown): boolean {
  return Array.isArray(message) && message[0] === "decref";
}

/**
 * Returns a message without the fields of failures that nothing reads or that may be worded
 * differently.
 */
function comparable(message: unknown): unknown {
  if (!Array.isArray(message) || message[0] !== "error") return message;
  const { count: _, pickled: __, traceback: ___, ...fields } = failureIn(message);
  // Twisted's broker sends nothing.
  if (fields.type === "twisted.cred.error.UnauthorizedLogin") delete fields.value;
  return { ...message, 2: fields };
}
