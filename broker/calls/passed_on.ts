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
import { type Holdable, type ObjectId, RemoteReference } from "../flavors/remote_reference.ts";
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
  const names = keywords && mapFields(keywords, ready);
  if (!isReady) return undefined;
  return { positional: args, keywords: names, ...(passedOn.length !== 0 && { passedOn }) };
}

/** The arguments of a call that waits. */
export interface HeldArgs {
  /** The arguments; references among them can be sent even once they are released. */
  readonly args: CallArgs;
  /** Called once the call is sent, or will not be. */
  readonly letGo: () => void;
}

/**
 * Keeps what a call needs that waits from being given back: the program may release it meanwhile,
 * as if the call had been sent.
 *
 * @param args The arguments.
 * @param object The object that is called, if it can be given back.
 * @returns The arguments, for when it is sent.
 */
export function hold(args: CallArgs, object: Holdable | undefined): HeldArgs {
  const holds = object === undefined ? [] : [object.hold()];
  const held = (value: unknown): unknown => {
    if (value instanceof RemotePromise) holds.push(value.hold());
    if (!(value instanceof RemoteReference) || value.isReleased) return value;
    holds.push(value.hold());
    return value.whileHeld;
  };
  const { positional, keywords } = args;
  return {
    args: {
      ...args,
      positional: positional.map(held),
      keywords: keywords && mapFields(keywords, held),
    },
    letGo: () => {
      for (const end of holds.splice(0)) end();
    },
  };
}

function mapFields(
  fields: Record<string, unknown>,
  map: (value: unknown, name: string) => unknown,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, map(value, name)]),
  );
}
