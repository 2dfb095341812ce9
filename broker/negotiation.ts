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
 * Writes what a server sends first: the dialects that it offers.
 *
 * @param writer Where to.
 */
export function offerDialects(writer: BananaWriter): void {
  writer.list(DIALECTS.length);
  for (const dialect of DIALECTS) writer.atom(dialect);
}

/**
 * Reads a server's offer and chooses from it.
 *
 * @param reader Stands before the offer.
 * @returns The best dialect that both know.
 * @throws {ProtocolError} If there is none.
 */
export function chooseDialect(reader: BananaReader): Dialect {
  const offered = new Set<string>();
  if (reader.next() === LIST) {
    for (let left = reader.count; left !== 0; left--) {
      const type = reader.next();
      if (type !== STRING) break;
      offered.add(reader.text());
    }
  }
  const dialect = DIALECTS.find((known) => offered.has(known));
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
export function chosenDialect(reader: BananaReader): Dialect {
  const chosen = reader.next() === STRING ? reader.text() : undefined;
  const dialect = DIALECTS.find((known) => known === chosen);
  if (dialect !== undefined) return dialect;
  throw new ProtocolError("Cannot agree on a dialect: the client chose none that was offered");
}
