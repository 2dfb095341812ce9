/**
 * Rules for reading what exists only in PB (docs/protocol.md, "References").
 *
 * @module
 */

import { utf8 } from "../../jelly/banana/utf8.ts";
import { JellyError, type Sexp, type UnjellyRule } from "../../jelly/mod.ts";
import { stateEntries } from "../../jelly/state.ts";
import { FAILURE_TAG } from "../errors/failure.ts";
import { receiveFailure } from "../errors/received_failure.ts";
import { brokerOf, CONNECTION } from "./invoker.ts";
import type { ObjectId } from "./remote_reference.ts";

/**
 * Reads the number of an object, or the name of one that is published.
 *
 * @param sexp The expression that stands for it.
 * @returns The number or name.
 * @throws {JellyError} If it is neither.
 */
export function objectId(sexp: Sexp): ObjectId {
  if (typeof sexp === "number" && Number.isSafeInteger(sexp)) return sexp;
  if (sexp instanceof Uint8Array) return utf8(sexp, 0, sexp.length);
  throw new JellyError("Cannot read reference: it names no object");
}

/** Rules for the tags of PB, which every connection has in addition to those of its registry. */
export const PB_RULES: ReadonlyMap<string, UnjellyRule> = new Map<string, UnjellyRule>([
  ["remote", (unjellier, list) => {
    const luid = objectId(list.nextSexp());
    if (typeof luid === "number") return brokerOf(unjellier, list).referenceArrived(luid);
    throw new JellyError(
      `Cannot receive reference "${luid}": the peer's objects have numbers, not names`,
    );
  }],
  ["local", (unjellier, list) => {
    const luid = objectId(list.nextSexp());
    const object = brokerOf(unjellier, list).localObjectForID(luid);
    if (object !== undefined) return object;
    throw new JellyError(`Cannot receive local object ${luid}: the peer holds no reference to it`);
  }],
  ["cached", (unjellier, list) => {
    const luid = objectId(list.nextSexp());
    return brokerOf(unjellier, list)[CONNECTION].caches.held.arrivedAgain(luid);
  }],
  ["lcache", (unjellier, list) => {
    const luid = objectId(list.nextSexp());
    const object = brokerOf(unjellier, list)[CONNECTION].caches.cacheables.get(luid);
    if (object !== undefined) return object;
    throw new JellyError(`Cannot receive cached object ${luid}: the peer has no cache of it`);
  }],
  [FAILURE_TAG, (unjellier, list) => {
    const { registry } = brokerOf(unjellier, list).settings;
    // For anything that is not an Exception, such as asyncio.CancelledError, Twisted puts classes
    // among the parents.
    const state = unjellier.leniently(() => list.next());
    for (const [, field] of stateEntries(state)) unjellier.copied(field);
    return receiveFailure(state, registry);
  }],
]);
