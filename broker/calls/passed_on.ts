/**
 * Results of earlier calls among the arguments of a call that is about to be sent
 * (docs/protocol.md, "Pipelining").
 *
 * @module
 */

import { JellyError } from "../../jelly/mod.ts";
import type { Broker } from "../connection/broker.ts";
import type { CallArgs } from "../flavors/kwargs.ts";
import { RemotePromise } from "../flavors/remote_promise.ts";
import { type ObjectId, RemoteReference } from "../flavors/remote_reference.ts";
import type { PassedOn, ReadyArgs } from "./message_parts.ts";

/**
 * Returns whether there are results of calls among the arguments.
 *
 * @param args The arguments.
 * @returns True if so.
 * @throws {JellyError} If one of them was released.
 */
export function passesOn({ positional, keywords }: CallArgs): boolean {
  let passes = false;
  for (let i = 0; i < positional.length; i++) {
    const value = positional[i];
    if (value instanceof RemotePromise) passes = checked(value, `args[${i}]`);
  }
  if (keywords === undefined) return passes;
  for (const [name, value] of Object.entries(keywords)) {
    if (value instanceof RemotePromise) passes = checked(value, `kwargs.${name}`);
  }
  return passes;
}

function checked(culprit: RemotePromise, path: string): true {
  if (!culprit.isReleased) return true;
  throw new JellyError(`Cannot send ${path}: the result was released`, { culprit, path });
}

/**
 * Prepares arguments for sending: a result that has arrived is sent as such, and the peer fills in
 * others.
 *
 * @param args The arguments.
 * @param broker The connection.
 * @param retry Called once a result is known that the peer cannot fill in.
 * @returns The arguments; undefined if there is such a result.
 * @throws {unknown} The error of the call that a result is of, if it has failed.
 */
export function readyArgs(
  { positional, keywords }: CallArgs,
  broker: Broker,
  retry: () => void,
): ReadyArgs | undefined {
  const passedOn: PassedOn[] = [];
  let isReady = true;
  const ready = (value: unknown, place: ObjectId): unknown => {
    if (!isReady || !(value instanceof RemotePromise)) return value;
    const passing = value.passOn(broker, retry);
    if (passing?.kind === "value") return passing.value;
    if (passing === undefined) isReady = false;
    else passedOn.push({ place, request: passing.request });
    return null;
  };
  const args = positional.map(ready);
  const names = keywords && Object.fromEntries(
    Object.entries(keywords).map(([name, value]) => [name, ready(value, name)]),
  );
  if (!isReady) return undefined;
  return { positional: args, keywords: names, ...(passedOn.length !== 0 && { passedOn }) };
}

/**
 * Keeps what a call needs that waits from being given back: the program may release it meanwhile,
 * as if the call had been sent.
 *
 * @param callee What is called.
 * @param args The arguments.
 * @returns Ends this; to be called once the call is sent, or will not be.
 */
export function hold(callee: unknown, { positional, keywords = {} }: CallArgs): () => void {
  const ends: (() => void)[] = [];
  for (const value of [callee, ...positional, ...Object.values(keywords)]) {
    if (value instanceof RemoteReference || value instanceof RemotePromise) ends.push(value.hold());
  }
  return () => {
    for (const end of ends.splice(0)) end();
  };
}
