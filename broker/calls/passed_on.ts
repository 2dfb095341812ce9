/**
 * Results of earlier calls among the arguments of a call that is about to be sent
 * (docs/protocol.md, "Pipelining").
 *
 * @module
 */

import type { Broker } from "../connection/broker.ts";
import type { CallArgs } from "../flavors/kwargs.ts";
import { RemotePromise } from "../flavors/remote_promise.ts";
import type { ObjectId } from "../flavors/remote_reference.ts";
import type { PassedOn, ReadyArgs } from "./message_parts.ts";

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
  args: CallArgs,
  broker: Broker,
  retry: () => void,
): ReadyArgs | undefined {
  return hasPromise(args) ? passOn(args, broker, retry) : args;
}

function hasPromise({ positional, keywords }: CallArgs): boolean {
  for (const value of positional) if (value instanceof RemotePromise) return true;
  return keywords !== undefined &&
    Object.values(keywords).some((value) => value instanceof RemotePromise);
}

function passOn(
  { positional, keywords }: CallArgs,
  broker: Broker,
  retry: () => void,
): ReadyArgs | undefined {
  const passedOn: PassedOn[] = [];
  let isReady = true;
  const ready = (place: ObjectId, value: unknown): unknown => {
    if (!isReady || !(value instanceof RemotePromise)) return value;
    const passing = value.passOn(broker, retry);
    if (passing?.kind === "value") return passing.value;
    if (passing === undefined) isReady = false;
    else passedOn.push({ place, request: passing.request });
    return null;
  };
  const args = positional.map((value, index) => ready(index, value));
  const names = keywords &&
    Object.fromEntries(Object.entries(keywords).map(([name, value]) => [name, ready(name, value)]));
  if (!isReady) return undefined;
  return { positional: args, keywords: names, ...(passedOn.length !== 0 && { passedOn }) };
}
