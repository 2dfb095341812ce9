/** A broker's peer that sends whatever a test wants, byte by byte if need be. */
import { assertEquals } from "@std/assert";
import {
  type Broker,
  type BrokerOptions,
  type LogEntry,
  PBClientFactory,
  PBServerFactory,
  type ServerRoot,
} from "@perspective/broker/broker";
import type { Sexp } from "@perspective/broker/jelly";
import { BananaDecoder, encode } from "@perspective/broker/jelly/banana";
import { type CloseReason, memoryPair, type Transport } from "@perspective/broker/transport";
import { sexpOf } from "../vectors/load.ts";

/** Something to send: an s-expression as JSON, where a string stands for bytes; or raw bytes. */
export type Said = Uint8Array | readonly unknown[] | string | number;

/** One end of a connection, without a broker. */
export class RawPeer implements Disposable {
  readonly #transport: Transport;
  readonly #decoder = new BananaDecoder({ dialect: "pb" });
  readonly #heard: Sexp[] = [];
  readonly #buffer = new Uint8Array(64 * 1024);

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Why the other end closed, if it gave a reason. */
  get closeReason(): CloseReason | undefined {
    return this.#transport.closeReason;
  }

  /** Sends something. */
  async say(...all: Said[]): Promise<void> {
    for (const said of all) {
      let bytes = said instanceof Uint8Array ? said : encode(sexpOf(said), { dialect: "pb" });
      while (bytes.length !== 0) bytes = bytes.subarray(await this.#transport.write(bytes));
    }
  }

  /** Reads the next expression, with strings for bytes; `undefined` if the other end has closed. */
  async hear(): Promise<unknown> {
    while (this.#heard.length === 0) {
      let count: number | null = null;
      try {
        count = await this.#transport.read(this.#buffer);
      } catch {
        // A connection that was reset has also ended.
      }
      if (count === null) return undefined;
      this.#heard.push(...this.#decoder.push(this.#buffer.subarray(0, count)));
    }
    return plain(this.#heard.shift()!);
  }

  /** Reads all expressions until the other end closes. */
  async hearAll(): Promise<unknown[]> {
    const all: unknown[] = [];
    for (let one = await this.hear(); one !== undefined; one = await this.hear()) all.push(one);
    return all;
  }

  /** Sends something, and reads the next expression. */
  async ask(...said: Said[]): Promise<unknown> {
    await this.say(...said);
    return await this.hear();
  }

  /** Closes the connection. */
  close(): void {
    try {
      this.#transport.close();
    } catch {
      // It was already closed.
    }
  }

  /** Same as {@linkcode RawPeer.close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/** A broker connected to a raw peer. */
export interface RawPair extends AsyncDisposable {
  /** Our end. */
  readonly broker: Broker;
  /** The other end. */
  readonly peer: RawPeer;
  /** What the broker has logged. */
  readonly log: LogEntry[];
}

/** What a client sends first to a server that offers the dialect `pb`. */
export const HELLO: Said[] = ["pb", ["version", 6]];

/** Connects a server to a raw client, which has already said hello unless told otherwise. */
export async function rawClient(
  root: ServerRoot,
  { hello = true, ...options }: BrokerOptions & { hello?: boolean } = {},
): Promise<RawPair> {
  const [here, there] = memoryPair();
  const log: LogEntry[] = [];
  const factory = new PBServerFactory(root, { log: (entry) => log.push(entry), ...options });
  const pair = rawPair(factory.buildBroker(there), new RawPeer(here.transport), log);
  if (!hello) return pair;
  await pair.peer.hear();
  assertEquals(await pair.peer.ask(...HELLO), ["version", 6]);
  return pair;
}

/** Connects a server to a raw client that has chosen the dialect of this library. */
export async function rawKin(root: ServerRoot, options: BrokerOptions = {}): Promise<RawPair> {
  const pair = await rawClient(root, { hello: false, ...options });
  await pair.peer.hear();
  assertEquals(await pair.peer.ask("perspective-1", ["version", 6]), ["version", 6]);
  return pair;
}

/**
 * Reads the next message; returns of an error the kind, the request and the text, and any other as
 * it is.
 */
export async function heard({ peer }: RawPair): Promise<unknown> {
  const message = await peer.hear() as unknown[];
  if (message?.[0] !== "error") return message;
  return ["error", message[1], failureIn(message).value];
}

/**
 * Connects a client to a raw server, which has already offered the dialect `pb` unless told
 * otherwise.
 */
export async function rawServer(
  { hello = true, ...options }: BrokerOptions & { hello?: boolean } = {},
): Promise<RawPair> {
  const [here, there] = memoryPair();
  const log: LogEntry[] = [];
  const factory = new PBClientFactory({ log: (entry) => log.push(entry), ...options });
  const pair = rawPair(factory.buildBroker(here), new RawPeer(there.transport), log);
  if (!hello) return pair;
  assertEquals(await pair.peer.ask(["pb", "none"], ["version", 6]), "pb");
  assertEquals(await pair.peer.hear(), ["version", 6]);
  return pair;
}

/** Joins both ends. On disposal, nothing may be left in the broker's tables. */
function rawPair(broker: Broker, peer: RawPeer, log: LogEntry[]): RawPair {
  return {
    broker,
    peer,
    log,
    async [Symbol.asyncDispose]() {
      peer.close();
      await broker.close();
      assertNothingLeft(broker);
    },
  };
}

/** Asserts that a broker that has ended holds nothing. */
export function assertNothingLeft(broker: Broker): void {
  assertEquals(broker.isClosed, true);
  assertEquals(broker.counts, {
    localObjects: 0,
    remoteObjects: 0,
    cachedObjects: 0,
    caches: 0,
    promisedResults: 0,
    callsIn: 0,
    callsOut: 0,
    bufferedBytes: 0,
  });
}

/** Returns an s-expression with strings for bytes. */
export function plain(sexp: Sexp): unknown {
  if (sexp instanceof Uint8Array) return new TextDecoder().decode(sexp);
  return Array.isArray(sexp) ? sexp.map(plain) : sexp;
}

/** Returns the fields of a failure in an `error` message. */
export function failureIn(message: unknown): Record<string, unknown> {
  const [, , [tag, [, ...pairs]]] = message as [string, number, [string, [string, ...unknown[][]]]];
  assertEquals(tag, "twisted.spread.pb.CopyableFailure");
  return Object.fromEntries(pairs.map(([key, value]) => [valueOf(key), valueOf(value)]));
}

/** Returns the value that an s-expression stands for, if it is of a kind that failures contain. */
function valueOf(sexp: unknown): unknown {
  if (!Array.isArray(sexp)) return sexp;
  const [tag, ...rest] = sexp;
  if (tag === "unicode") return rest[0];
  if (tag === "boolean") return rest[0] === "true";
  return tag === "None" ? null : rest.map(valueOf);
}
