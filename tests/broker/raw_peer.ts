/** The other end of a broker, that says whatever a test wants, byte by byte if need be. */
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

/** Something to be said: an s-expression as JSON, where a text stands for bytes; or raw bytes. */
export type Said = Uint8Array | readonly unknown[] | string | number;

/** An end of a connection without a broker. */
export class RawPeer implements Disposable {
  readonly #transport: Transport;
  readonly #decoder = new BananaDecoder({ dialect: "pb" });
  readonly #heard: Sexp[] = [];
  readonly #buffer = new Uint8Array(64 * 1024);

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Why the other end closed, if it said so. */
  get closeReason(): CloseReason | undefined {
    return this.#transport.closeReason;
  }

  /** Says something. */
  async say(...all: Said[]): Promise<void> {
    for (const said of all) {
      let bytes = said instanceof Uint8Array ? said : encode(sexpOf(said), { dialect: "pb" });
      while (bytes.length !== 0) bytes = bytes.subarray(await this.#transport.write(bytes));
    }
  }

  /** Hears the next expression, in which bytes are texts; `undefined` if the other end has closed. */
  async hear(): Promise<unknown> {
    while (this.#heard.length === 0) {
      let count: number | null = null;
      try {
        count = await this.#transport.read(this.#buffer);
      } catch {
        // A connection that was reset has ended too.
      }
      if (count === null) return undefined;
      this.#heard.push(...this.#decoder.push(this.#buffer.subarray(0, count)));
    }
    return plain(this.#heard.shift()!);
  }

  /** Hears all that comes until the other end closes. */
  async hearAll(): Promise<unknown[]> {
    const all: unknown[] = [];
    for (let one = await this.hear(); one !== undefined; one = await this.hear()) all.push(one);
    return all;
  }

  /** Says something, and hears the next expression. */
  async ask(...said: Said[]): Promise<unknown> {
    await this.say(...said);
    return await this.hear();
  }

  /** Closes the connection. */
  close(): void {
    try {
      this.#transport.close();
    } catch {
      // It was closed.
    }
  }

  /** Same as {@linkcode RawPeer.close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/** A broker with a raw peer. */
export interface RawPair extends AsyncDisposable {
  /** Our end. */
  readonly broker: Broker;
  /** The other end. */
  readonly peer: RawPeer;
  /** What our end has logged. */
  readonly log: LogEntry[];
}

/** What a client says first to a server that offers the dialect pb. */
export const HELLO: Said[] = ["pb", ["version", 6]];

/** Makes our end a server; the peer has said hello unless told otherwise. */
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

/** Makes our end a client; the peer has offered the dialect pb unless told otherwise. */
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

/** Puts both ends together; in the end, nothing may be left in the tables of the broker. */
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
    callsIn: 0,
    callsOut: 0,
    bufferedBytes: 0,
  });
}

/** An s-expression with texts for bytes. */
export function plain(sexp: Sexp): unknown {
  if (sexp instanceof Uint8Array) return new TextDecoder().decode(sexp);
  return Array.isArray(sexp) ? sexp.map(plain) : sexp;
}

/** The fields of a failure in an `error` message. */
export function failureIn(message: unknown): Record<string, unknown> {
  const [, , [tag, [, ...pairs]]] = message as [string, number, [string, [string, ...unknown[][]]]];
  assertEquals(tag, "twisted.spread.pb.CopyableFailure");
  return Object.fromEntries(pairs.map(([key, value]) => [valueOf(key), valueOf(value)]));
}

/** The value that an s-expression stands for, as far as failures have such. */
function valueOf(sexp: unknown): unknown {
  if (!Array.isArray(sexp)) return sexp;
  const [tag, ...rest] = sexp;
  if (tag === "unicode") return rest[0];
  if (tag === "boolean") return rest[0] === "true";
  return tag === "None" ? null : rest.map(valueOf);
}
