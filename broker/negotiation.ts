/**
 * How both ends agree on a dialect (docs/protocol.md, "Negotiation"; `twisted.spread.banana`).
 *
 * @module
 */

import {
  type BananaReader,
  type BananaWriter,
  type Dialect,
  DIALECTS,
  LIST,
  STRING,
} from "../jelly/banana/mod.ts";
import { type Alarm, type AlarmPlace, CLOCK } from "../transport/clock.ts";
import type { Faults } from "./broker_hooks.ts";
import { ProtocolError } from "./errors.ts";
import { guessPeer } from "./guess_peer.ts";
import type { Link } from "./link.ts";
import type { Outbox } from "./outbox.ts";
import { Outcome } from "./outcome.ts";

/**
 * The dialect that both ends speak if both are of this library: bytes as in `pb`, and remote methods
 * that Twisted does not have. A stock Twisted client passes it over, and takes `pb`.
 */
export const OWN_DIALECT = "perspective-1";

/** What both ends may agree on. */
export type AgreedDialect = Dialect | typeof OWN_DIALECT;

const decoder = new TextDecoder();

/** What a server offers, the preferred one first. */
const OFFER: readonly AgreedDialect[] = Object.freeze([OWN_DIALECT, ...DIALECTS]);

/** What a broker lends to its negotiation. */
export interface NegotiationParts {
  /** Which end this is. */
  readonly role: "client" | "server";
  /** Learns the dialect. */
  readonly link: Link;
  /** Where an offer or a choice goes. */
  readonly outbox: Outbox;
  /** Milliseconds until it has failed. */
  readonly timeout: number;
  /** Closes the connection when time is over. */
  readonly faults: Faults;
}

/** A connection's beginning: the server offers dialects, and the client chooses. */
export class Negotiation implements Alarm {
  /** Milliseconds until it has failed. */
  readonly delay: number;
  /** Kept by the clock. */
  place: AlarmPlace | undefined;
  readonly #parts: NegotiationParts;
  readonly #outcome = new Outcome<void>();

  /**
   * Creates a negotiation; it fails when its time is over.
   *
   * @param parts What the broker lends.
   */
  constructor(parts: NegotiationParts) {
    this.#parts = parts;
    this.delay = parts.timeout;
    CLOCK.set(this);
  }

  /** Settles when it is over: resolves if both ends have agreed. */
  get ready(): Promise<void> {
    return this.#outcome.promise;
  }

  /** Learns that time is over. */
  ring(): void {
    const fact = `no dialect was agreed on within ${this.delay} ms`;
    this.#parts.faults.fail(new ProtocolError(fact));
  }

  /** Begins: a server makes its offer. */
  begin(): void {
    if (this.#parts.role === "server") this.#parts.outbox.send(writeOffer);
  }

  /**
   * Looks at the first bytes, of which no expression may ever become whole.
   *
   * @throws {ProtocolError} If they are of another protocol.
   */
  check(): void {
    const { unread } = this.#parts.link;
    // In banana, one of the first two is a type byte.
    if (unread[0]! >= LIST || unread[1]! >= LIST || guessPeer(unread) === undefined) return;
    throw new ProtocolError("Cannot negotiate: no dialect begins like this");
  }

  /**
   * Takes what the peer says first: an offer or a choice.
   *
   * @param reader Stands before it.
   * @returns What both ends have agreed on, and speak from now on.
   * @throws {ProtocolError} If they cannot agree.
   */
  received(reader: BananaReader): AgreedDialect {
    const { role, link, outbox } = this.#parts;
    const dialect = role === "server" ? readChoice(reader) : chooseDialect(reader);
    if (role === "client") outbox.send((writer) => writer.atom(dialect));
    link.setDialect(dialect === OWN_DIALECT ? "pb" : dialect);
    return dialect;
  }

  /** Lets those go on who wait until both ends have agreed, and gives no alarm any more. */
  succeed(): void {
    CLOCK.clear(this);
    this.#outcome.resolve();
  }

  /**
   * Gives up.
   *
   * @param reason What those who wait for it get.
   */
  fail(reason: Error): void {
    CLOCK.clear(this);
    this.#outcome.reject(reason);
  }
}

/**
 * Gives the error for those who wait until both ends have agreed.
 *
 * @param reason Why the connection has ended; undefined if on purpose.
 * @returns The error.
 */
export function notReady(reason: Error | undefined): Error {
  return reason ?? new ProtocolError("Cannot connect: the connection was closed");
}

/** Writes what a server sends first: the dialects that it offers. */
function writeOffer(writer: BananaWriter): void {
  writer.list(OFFER.length);
  for (const dialect of OFFER) writer.atom(dialect);
}

/** Reads a server's offer, and gives the first dialect in it that is known: the server puts the best one first. */
function chooseDialect(reader: BananaReader): AgreedDialect {
  const offer = reader.sexp();
  for (const item of Array.isArray(offer) ? offer : []) {
    const offered = item instanceof Uint8Array ? decoder.decode(item) : undefined;
    const dialect = OFFER.find((known) => known === offered);
    if (dialect !== undefined) return dialect;
  }
  throw new ProtocolError("Cannot agree on a dialect: the server offers none that is known");
}

/** Reads a client's choice. */
function readChoice(reader: BananaReader): AgreedDialect {
  const chosen = reader.next() === STRING ? reader.text() : undefined;
  const dialect = OFFER.find((known) => known === chosen);
  if (dialect !== undefined) return dialect;
  throw new ProtocolError("Cannot agree on a dialect: the client chose none that was offered");
}
