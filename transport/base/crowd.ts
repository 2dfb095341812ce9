/**
 * Groups peers that have not identified themselves yet by where they come from.
 *
 * @module
 */

import { BusyMap } from "./busy_map.ts";
import { BusySet } from "./busy_set.ts";

/** Matches an IPv6 address, and no other text that a program may use in place of an address. */
const IPV6 = /^(?=.*::|(?:[^:]*:){7})[\da-f:]+(?:%.*)?$/i;

/** A member of a crowd. */
export interface Visitor {
  /**
   * The address that the visitor comes from, without the port; the same for all visitors that count
   * as one.
   */
  readonly host: string;
}

/**
 * A crowd that can be kept within a limit at the expense of the place that most visitors come from.
 * A place is an IPv4 address or an IPv6 network, all of whose addresses may belong to one host.
 */
export class Crowd<T extends Visitor> {
  readonly #places = new BusyMap<string, BusySet<T>>();
  #size = 0;

  /** The number of visitors. */
  get size(): number {
    return this.#size;
  }

  /** Iterates over all visitors. */
  *[Symbol.iterator](): Iterator<T> {
    for (const visitors of this.#places.values()) yield* visitors;
  }

  /**
   * Adds a visitor.
   *
   * @param visitor The visitor, who is not in the crowd yet.
   */
  add(visitor: T): void {
    const place = placeOf(visitor.host);
    let visitors = this.#places.get(place);
    if (visitors === undefined) this.#places.set(place, visitors = new BusySet());
    visitors.add(visitor);
    this.#size++;
  }

  /**
   * Removes a visitor who may be in the crowd.
   *
   * @param visitor The visitor.
   */
  delete(visitor: T): void {
    const place = placeOf(visitor.host);
    const visitors = this.#places.get(place);
    if (visitors === undefined || !visitors.delete(visitor)) return;
    if (visitors.size === 0) this.#places.delete(place);
    this.#size--;
  }

  /**
   * Removes the visitor for whom it is least unfair: the oldest from the place with the most
   * visitors. This way, a peer that only takes up room shuts out nobody but others from its own
   * place.
   *
   * @returns The visitor; undefined if the crowd is empty.
   */
  takeOne(): T | undefined {
    let most: BusySet<T> | undefined;
    for (const visitors of this.#places.values()) {
      if (most === undefined || visitors.size > most.size) most = visitors;
    }
    for (const oldest of most ?? []) {
      this.delete(oldest);
      return oldest;
    }
    return undefined;
  }
}

/**
 * Returns the address of a peer without its port.
 *
 * @param address Host and port, or whatever a program uses instead.
 * @returns The host; an IPv6 address without brackets.
 */
export function hostOf(address: string): string {
  return address.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
}

/**
 * Returns the first 64 bits of an IPv6 address, as systems write it, and any other host unchanged.
 */
function placeOf(host: string): string {
  if (!host.includes(":") || !IPV6.test(host)) return host;
  const [left = [], right = []] = host.split("::").map((half) =>
    half === "" ? [] : half.split(":")
  );
  const zeros = Array<string>(Math.max(0, 8 - left.length - right.length)).fill("0");
  return [...left, ...zeros, ...right].slice(0, 4).join(":");
}
