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

/** What both ends have agreed on. */
export interface Agreement {
  /** The dialect that they speak. */
  readonly dialect: AgreedDialect;
  /** What the server has said about its logins, without {@linkcode LOGINS}. */
  readonly logins?: string | undefined;
}

/**
 * How the last item of an offer begins if it is no dialect, but says what logins the server takes:
 * a client that does not know it skips it, as it does an unknown dialect.
 */
const LOGINS = "login ";

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

  /**
   * Begins: a server makes its offer.
   *
   * @param logins What a server says about its logins, if it takes any.
   */
  begin(logins?: string): void {
    if (this.#parts.role === "server") {
      this.#parts.outbox.send((writer) => writeOffer(writer, logins));
    }
  }

  /**
   * Checks the first bytes, which may never become a whole expression.
   *
   * @throws {ProtocolError} If they belong to another protocol.
   */
  check(): void {
    const { link } = this.#parts;
    // In banana, one of the first two is a type byte.
    if (link.peek(0)! >= LIST || link.peek(1)! >= LIST) return;
    if (guessPeer(link.unread) === undefined) return;
    throw new ProtocolError("Cannot negotiate: no dialect begins like this");
  }

  /**
   * Handles the peer's first message: an offer or a choice.
   *
   * @param reader A reader positioned before it.
   * @returns What both ends have agreed on, and follow from now on.
   * @throws {ProtocolError} If they cannot agree.
   */
  received(reader: BananaReader): Agreement {
    const { role, link, outbox } = this.#parts;
    const agreement = role === "server" ? readChoice(reader) : readOffer(reader);
    const { dialect } = agreement;
    if (role === "client") outbox.send((writer) => writer.atom(dialect));
    link.setDialect(dialect === OWN_DIALECT ? "pb" : dialect);
    return agreement;
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

/** Writes the first message of a server: the dialects that it offers, and what logins it takes. */
function writeOffer(writer: BananaWriter, logins: string | undefined): void {
  writer.list(OFFER.length + (logins === undefined ? 0 : 1));
  for (const dialect of OFFER) writer.atom(dialect);
  if (logins !== undefined) writer.atom(LOGINS + logins);
}

/**
 * Reads a server's offer, and chooses the first dialect in it that is known: the server puts the
 * best one first.
 */
function readOffer(reader: BananaReader): Agreement {
  let dialect: AgreedDialect | undefined;
  let logins: string | undefined;
  for (let left = reader.next() === LIST ? reader.count : 0; left !== 0; left--) {
    const name = readName(reader);
    if (dialect === undefined) dialect = isKnown(name) ? name : undefined;
    else if (name?.startsWith(LOGINS)) logins ??= name.slice(LOGINS.length);
  }
  if (dialect === OWN_DIALECT) return { dialect, logins };
  if (dialect !== undefined) return { dialect };
  throw new ProtocolError("Cannot agree on a dialect: the server offers none that is known");
}

/** Reads an item of an offer; returns undefined if it is not text. */
function readName(reader: BananaReader): string | undefined {
  switch (reader.next()) {
    case STRING:
      try {
        return reader.text();
      } catch {
        return undefined;
      }
    case LIST:
      for (let left = reader.count; left !== 0; left--) reader.skip();
      return undefined;
    default:
      reader.pass();
      return undefined;
  }
}

/** Reads a client's choice. */
function readChoice(reader: BananaReader): Agreement {
  const dialect = reader.next() === STRING ? reader.text() : undefined;
  if (isKnown(dialect)) return { dialect };
  throw new ProtocolError("Cannot agree on a dialect: the client chose none that was offered");
}

function isKnown(name: string | undefined): name is AgreedDialect {
  return (OFFER as readonly (string | undefined)[]).includes(name);
}
