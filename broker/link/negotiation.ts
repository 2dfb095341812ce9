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
} from "../../jelly/banana/mod.ts";
import { type Alarm, type AlarmPlace, CLOCK } from "../../transport/base/clock.ts";
import { Outcome } from "../async/outcome.ts";
import { ProtocolError } from "../errors/errors.ts";
import type { Faults } from "./faults.ts";
import { guessPeer } from "./guess_peer.ts";
import type { Link } from "./link.ts";
import type { Outbox } from "./outbox.ts";

/**
 * The dialect that both ends speak if both use this library: bytes as in `pb`, plus remote methods
 * that Twisted does not have. A stock Twisted client skips it, and chooses `pb`.
 */
export const OWN_DIALECT = "perspective-1";

/** The dialects that both ends may agree on. */
export type AgreedDialect = Dialect | typeof OWN_DIALECT;

const decoder = new TextDecoder();

/** The dialects that a server offers, the preferred one first. */
const OFFER: readonly AgreedDialect[] = Object.freeze([OWN_DIALECT, ...DIALECTS]);

/** What a negotiation works with. */
export interface NegotiationParts {
  /** Which end this is. */
  readonly role: "client" | "server";
  /** The link whose dialect is set. */
  readonly link: Link;
  /** Where an offer or a choice goes. */
  readonly outbox: Outbox;
  /** Milliseconds until it fails. */
  readonly timeout: number;
  /** Closes the connection when the time is up. */
  readonly faults: Faults;
}

/** The beginning of a connection: the server offers dialects, and the client chooses. */
export class Negotiation implements Alarm {
  /** Milliseconds until it fails. */
  readonly delay: number;
  /** Kept by the clock. */
  place: AlarmPlace | undefined;
  readonly #parts: NegotiationParts;
  readonly #outcome = new Outcome<void>();

  /**
   * Creates a negotiation; it fails when its time is up.
   *
   * @param parts What it works with.
   */
  constructor(parts: NegotiationParts) {
    this.#parts = parts;
    this.delay = parts.timeout;
    CLOCK.set(this);
  }

  /** Settles when the negotiation is over: resolves if both ends have agreed, else rejects. */
  get ready(): Promise<void> {
    return this.#outcome.promise;
  }

  /** Called when the time is up. */
  ring(): void {
    const fact = `no dialect was agreed on within ${this.delay} ms`;
    this.#parts.faults.fail(new ProtocolError(fact));
  }

  /** Begins: a server makes its offer. */
  begin(): void {
    if (this.#parts.role === "server") this.#parts.outbox.send(writeOffer);
  }

  /**
   * Checks the first bytes, which may never become a whole expression.
   *
   * @throws {ProtocolError} If they belong to another protocol.
   */
  check(): void {
    const { unread } = this.#parts.link;
    // In banana, one of the first two is a type byte.
    if (unread[0]! >= LIST || unread[1]! >= LIST || guessPeer(unread) === undefined) return;
    throw new ProtocolError("Cannot negotiate: no dialect begins like this");
  }

  /**
   * Handles the peer's first message: an offer or a choice.
   *
   * @param reader A reader positioned before it.
   * @returns The dialect that both ends have agreed on, and speak from now on.
   * @throws {ProtocolError} If they cannot agree.
   */
  received(reader: BananaReader): AgreedDialect {
    const { role, link, outbox } = this.#parts;
    const dialect = role === "server" ? readChoice(reader) : chooseDialect(reader);
    if (role === "client") outbox.send((writer) => writer.atom(dialect));
    link.setDialect(dialect === OWN_DIALECT ? "pb" : dialect);
    return dialect;
  }

  /** Resolves `ready`, and clears the alarm. */
  succeed(): void {
    CLOCK.clear(this);
    this.#outcome.resolve();
  }

  /**
   * Rejects `ready`, and clears the alarm.
   *
   * @param reason The error to reject with.
   */
  fail(reason: Error): void {
    CLOCK.clear(this);
    this.#outcome.reject(reason);
  }
}

/**
 * Returns the error for code that waits until both ends have agreed.
 *
 * @param reason Why the connection has ended; undefined if it ended on purpose.
 * @returns The error.
 */
export function notReady(reason: Error | undefined): Error {
  return reason ?? new ProtocolError("Cannot connect: the connection was closed");
}

/** Writes the first message of a server: the dialects that it offers. */
function writeOffer(writer: BananaWriter): void {
  writer.list(OFFER.length);
  for (const dialect of OFFER) writer.atom(dialect);
}

/**
 * Reads a server's offer, and returns the first dialect in it that is known: the server puts the
 * best one first.
 */
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
