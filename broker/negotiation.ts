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
import { ProtocolError } from "./errors.ts";

/**
 * The dialect that both ends speak if both are of this library: bytes as in `pb`, and remote methods
 * that Twisted does not have. A stock Twisted client passes it over, and takes `pb`.
 */
export const OWN_DIALECT = "perspective-1";

/** What both ends may agree on. */
export type AgreedDialect = Dialect | typeof OWN_DIALECT;

/** What a server offers, the preferred one first. */
const OFFER: readonly AgreedDialect[] = Object.freeze([OWN_DIALECT, ...DIALECTS]);

/**
 * Tells how the bytes of a dialect are written.
 *
 * @param dialect What both ends agreed on.
 * @returns The dialect of banana.
 */
export function bananaDialect(dialect: AgreedDialect): Dialect {
  return dialect === OWN_DIALECT ? "pb" : dialect;
}

/**
 * Writes what a server sends first: the dialects that it offers.
 *
 * @param writer Where to.
 */
export function offerDialects(writer: BananaWriter): void {
  writer.list(OFFER.length);
  for (const dialect of OFFER) writer.atom(dialect);
}

/**
 * Reads a server's offer and chooses from it.
 *
 * @param reader Stands before the offer.
 * @returns The best dialect that both know.
 * @throws {ProtocolError} If there is none.
 */
export function chooseDialect(reader: BananaReader): AgreedDialect {
  const offered = new Set<string>();
  if (reader.next() === LIST) {
    for (let left = reader.count; left !== 0; left--) {
      const type = reader.next();
      if (type !== STRING) break;
      offered.add(reader.text());
    }
  }
  const dialect = OFFER.find((known) => offered.has(known));
  if (dialect !== undefined) return dialect;
  throw new ProtocolError("Cannot agree on a dialect: the server offers none that is known");
}

/**
 * Reads a client's choice.
 *
 * @param reader Stands before the choice.
 * @returns The dialect.
 * @throws {ProtocolError} If it is none that was offered.
 */
export function chosenDialect(reader: BananaReader): AgreedDialect {
  const chosen = reader.next() === STRING ? reader.text() : undefined;
  const dialect = OFFER.find((known) => known === chosen);
  if (dialect !== undefined) return dialect;
  throw new ProtocolError("Cannot agree on a dialect: the client chose none that was offered");
}
