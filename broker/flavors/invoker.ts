/**
 * The connection that a value is written for or read from.
 *
 * @module
 */

import { type Jellier, JellyError, type Unjellier } from "../../jelly/mod.ts";
import type { Broker } from "../connection/broker.ts";

/**
 * Name of the property where a broker keeps its parts, so that programs do not find them by chance.
 * It also marks brokers, so that this file need not import their code.
 */
export const CONNECTION: unique symbol = Symbol("connection");

/**
 * Returns the connection that a value is written for or read from.
 *
 * @param jelly Writes or reads the value.
 * @param object The object that needs a connection to travel.
 * @returns The connection.
 * @throws {JellyError} If there is none.
 */
export function brokerOf(jelly: Jellier | Unjellier, object: object): Broker {
  const { invoker } = jelly;
  if (invoker !== undefined && CONNECTION in invoker) return invoker as Broker;
  throw new JellyError(
    `an object of class ${object.constructor.name} can travel only over a connection`,
  );
}

/**
 * Returns on whose behalf a value is being written.
 *
 * @param jellier Writes the value.
 * @returns The perspective, or null if there is none, as outside of a connection.
 */
export function perspectiveOf({ invoker }: Jellier): object | null {
  return invoker !== undefined && CONNECTION in invoker
    ? (invoker as Broker).serializingPerspective
    : null;
}
