/** A realm that records logins and logouts, and its users. */
import {
  ANONYMOUS,
  Avatar,
  type AvatarGrant,
  type AvatarId,
  type ICredentialsChecker,
  InMemoryUsernamePasswordDatabaseDontUse,
  IPerspective,
  type IRealm,
  Portal,
  type PortalOptions,
  PortalRoot,
  type RemoteReference,
} from "@perspective/broker";

/** What a user may do. */
export class Member extends Avatar {
  readonly name: string;
  readonly mind: unknown;

  constructor(name: string, mind: unknown = null) {
    super();
    this.name = name;
    this.mind = mind;
  }

  perspective_whoami(): string {
    return this.name;
  }
  perspective_echo(value: unknown): unknown {
    return value;
  }
  perspective_callMind(...args: unknown[]): Promise<unknown> {
    return (this.mind as RemoteReference).callRemote("called", ...args);
  }
}

/** Returns the avatar to grant; may throw, or be slow. */
export type Grant = (
  name: string,
  mind: unknown,
) => unknown | Promise<unknown>;

/** Grants each user an avatar, and records logins and logouts. */
export class TestRealm implements IRealm {
  /** The logins and logouts, in order. */
  readonly events: string[] = [];
  readonly #avatarFor: Grant;

  constructor(avatarFor: Grant = (name, mind) => new Member(name, mind)) {
    this.#avatarFor = avatarFor;
  }

  async requestAvatar(avatarId: AvatarId, mind: unknown): Promise<AvatarGrant> {
    const name = avatarId === ANONYMOUS ? "anonymous" : avatarId;
    this.events.push(`login ${name}`);
    const avatar = await this.#avatarFor(name, mind) as IPerspective;
    return [IPerspective, avatar, () => void this.events.push(`logout ${name}`)];
  }
}

/** Two users in memory. */
export function users(): InMemoryUsernamePasswordDatabaseDontUse {
  return new InMemoryUsernamePasswordDatabaseDontUse({ alice: "secret", "jürgen": "gehëim" });
}

/** A portal, its root as a server publishes it, and its realm. */
export interface TestPortal {
  readonly realm: TestRealm;
  readonly portal: Portal;
  readonly root: PortalRoot;
}

/** Creates a portal for the two users, or with other checkers. */
export function testPortal(
  { checkers = [users()], avatarFor, ...options }:
    & PortalOptions
    & { checkers?: ICredentialsChecker[]; avatarFor?: Grant } = {},
): TestPortal {
  const realm = new TestRealm(avatarFor);
  const portal = new Portal(realm, checkers);
  return { realm, portal, root: new PortalRoot(portal, options) };
}
