/**
 * Faults in any connection, and brokers over every kind of transport.
 *
 * @module
 */

import {
  Avatar,
  type Broker,
  type BrokerOptions,
  IPerspective,
  PBClientFactory,
  PBServerFactory,
  Referenceable,
  type RemoteReference,
  type ServerOptions,
} from "@perspective/broker/broker";
import {
  type AvatarGrant,
  InMemoryUsernamePasswordDatabaseDontUse,
  type IRealm,
  Portal,
} from "@perspective/broker/cred";
import type { Dialed, Transport } from "@perspective/broker/transport";
import type { Kind } from "../transport/pairs.ts";
import { assertNothingLeft } from "./raw_peer.ts";

/** Wraps a connection so that, once broken, every write fails; reads work as before. */
export function breakable(
  { transport, peer }: Dialed,
): { dialed: Dialed; fault: { isBroken: boolean } } {
  const fault = { isBroken: false };
  const broken: Transport = {
    read: (buffer) => transport.read(buffer),
    write: (bytes) => fault.isBroken ? Promise.reject(new Error("broken")) : transport.write(bytes),
    close: (reason) => transport.close(reason),
  };
  return { dialed: { transport: broken, peer }, fault };
}

/** A connection with faults on request. */
export class Faulty implements Transport {
  readonly #transport: Transport;
  readonly #most: number;
  #stalled: PromiseWithResolvers<void> | undefined;
  #isDeaf = false;

  /** Passes on at most `most` bytes at a time, in reads and in writes. */
  constructor(transport: Transport, most = Infinity) {
    this.#transport = transport;
    this.#most = most;
  }

  get closeReason(): Transport["closeReason"] {
    return this.#transport.closeReason;
  }

  get closed(): Promise<void> | undefined {
    return this.#transport.closed;
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    await this.#stalled?.promise;
    const count = await this.#transport.read(buffer.subarray(0, this.#most));
    // As if it had never arrived; the end is still passed on.
    return this.#isDeaf && count !== null ? await this.read(buffer) : count;
  }

  write(bytes: Uint8Array): Promise<number> {
    if (this.#isDeaf) return Promise.resolve(bytes.length);
    return this.#transport.write(bytes.subarray(0, this.#most));
  }

  close(reason?: Parameters<Transport["close"]>[0]): void {
    this.resume();
    this.#transport.close(reason);
  }

  /** Pauses reading until {@linkcode Faulty.resume}; a read in progress still returns its bytes. */
  stall(): void {
    this.#stalled = Promise.withResolvers();
  }

  resume(): void {
    this.#stalled?.resolve();
    this.#stalled = undefined;
  }

  /** Drops everything in both directions, like a cable that was pulled. */
  swallow(): void {
    this.#isDeaf = true;
  }
}

/** Counts logins, logouts and handled calls of users. */
export class TestRealm implements IRealm {
  logins = 0;
  logouts = 0;
  handled = 0;
  /** What the avatar's method `wait` waits for. */
  gate: PromiseWithResolvers<void> = Promise.withResolvers();

  requestAvatar(_id: unknown, mind: unknown): AvatarGrant<IPerspective> {
    this.logins++;
    const avatar = new User(this, mind as RemoteReference | null);
    return [IPerspective, avatar, () => void this.logouts++];
  }
}

/** What a user can do. */
export class User extends Avatar {
  readonly #realm: TestRealm;
  readonly #mind: RemoteReference | null;

  constructor(realm: TestRealm, mind: RemoteReference | null) {
    super();
    this.#realm = realm;
    this.#mind = mind;
  }

  perspective_echo(value: unknown): unknown {
    this.#realm.handled++;
    return value;
  }
  async perspective_wait(): Promise<string> {
    await this.#realm.gate.promise;
    this.#realm.handled++;
    return "waited";
  }
  perspective_large(length: number): Uint8Array {
    this.#realm.handled++;
    return new Uint8Array(length);
  }
  async perspective_callMind(value: unknown): Promise<unknown> {
    return await this.#mind!.callRemote("echo", value);
  }
}

/** The mind of a client. */
export class Mind extends Referenceable {
  remote_echo(value: unknown): unknown {
    return value;
  }
}

/** A portal where alice has the password "secret". */
export function testPortal(realm: TestRealm): Portal {
  return new Portal(realm, [new InMemoryUsernamePasswordDatabaseDontUse({ alice: "secret" })]);
}

/** Makes logins quick, so that a test can log in many times. */
export const QUICK: ServerOptions = { login: { mechanisms: ["MD5"] }, log: () => {} };

/** Two brokers over a kind of transport. */
export interface Linked extends AsyncDisposable {
  readonly client: Broker;
  readonly server: Broker;
  readonly clientEnd: Faulty;
  readonly serverEnd: Faulty;
  readonly realm: TestRealm;
  readonly factory: PBServerFactory;
}

/** Options for {@linkcode linked}. */
export interface LinkedOptions {
  /** Options of the client's broker. */
  client?: BrokerOptions;
  /** Options of the server. */
  server?: ServerOptions;
  /** Maximum bytes passed on at a time. */
  most?: number;
}

/** Connects two brokers. On disposal, nothing may be left, and every user must have logged out. */
export async function linked(kind: Kind, options: LinkedOptions = {}): Promise<Linked> {
  const realm = new TestRealm();
  const pair = await kind.connect();
  const clientEnd = new Faulty(pair.client.transport, options.most);
  const serverEnd = new Faulty(pair.server.transport, options.most);
  const end = (dialed: Dialed, transport: Faulty) => ({ ...dialed, transport });
  const factory = new PBServerFactory(testPortal(realm), { ...QUICK, ...options.server });
  const server = factory.buildBroker(end(pair.server, serverEnd));
  const client = new PBClientFactory({ log: () => {}, ...options.client })
    .buildBroker(end(pair.client, clientEnd));
  await Promise.all([client.ready, server.ready]);
  return {
    client,
    server,
    clientEnd,
    serverEnd,
    realm,
    factory,
    async [Symbol.asyncDispose]() {
      clientEnd.resume();
      serverEnd.resume();
      await client.close();
      await server.close();
      await factory.close();
      await pair[Symbol.asyncDispose]();
      assertNothingLeft(client);
      assertNothingLeft(server);
      if (realm.logins !== realm.logouts) {
        throw new Error(`${realm.logins} logins, but ${realm.logouts} logouts`);
      }
    },
  };
}
