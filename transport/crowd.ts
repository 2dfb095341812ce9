/**
 * Those who have come and are not known yet, by where they come from.
 *
 * @module
 */

import { BusyMap } from "./busy_map.ts";
import { BusySet } from "./busy_set.ts";

/** An address of IPv6, and nothing that a program may have in place of addresses. */
const IPV6 = /^(?=.*::|(?:[^:]*:){7})[\da-f:]+(?:%.*)?$/i;

/** Somebody in a crowd. */
export interface Visitor {
  /** The address that he comes from, without the port: the same for all that are one to those who count. */
  readonly host: string;
}

/**
 * A crowd that has a limit, which those keep who came from one place in great numbers. A place is an
 * address of IPv4 or a network of IPv6, all of whose addresses one host may have.
 */
export class Crowd<T extends Visitor> {
  readonly #places = new BusyMap<string, BusySet<T>>();
  #size = 0;

  /** How many there are. */
  get size(): number {
    return this.#size;
  }

  /** All of them. */
  *[Symbol.iterator](): Iterator<T> {
    for (const visitors of this.#places.values()) yield* visitors;
  }

  /**
   * Adds somebody.
   *
   * @param visitor Who is not in the crowd yet.
   */
  add(visitor: T): void {
    const place = placeOf(visitor.host);
    let visitors = this.#places.get(place);
    if (visitors === undefined) this.#places.set(place, visitors = new BusySet());
    visitors.add(visitor);
    this.#size++;
  }

  /**
   * Removes somebody, if he is in the crowd.
   *
   * @param visitor Who.
   */
  delete(visitor: T): void {
    const place = placeOf(visitor.host);
    const visitors = this.#places.get(place);
    if (visitors === undefined || !visitors.delete(visitor)) return;
    if (visitors.size === 0) this.#places.delete(place);
    this.#size--;
  }

  /**
   * Removes the one whom it hits least unjustly: of those who come from the place with most of them, the one
   * who came first. Who only takes up room then keeps nobody out but those who come from where he does.
   *
   * @returns Who it was; undefined if there is nobody.
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
 * Gives the address of a peer without its port.
 *
 * @param address Host and port, or whatever stands for it.
 * @returns The host; an IPv6 address without brackets.
 */
export function hostOf(address: string): string {
  return address.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
}

/** Gives the first 64 bits of an address of IPv6, as systems write it, and any other as it is. */
function placeOf(host: string): string {
  if (!IPV6.test(host)) return host;
  const [left = [], right = []] = host.split("::").map((half) =>
    half === "" ? [] : half.split(":")
  );
  const zeros = Array<string>(Math.max(0, 8 - left.length - right.length)).fill("0");
  return [...left, ...zeros, ...right].slice(0, 4).join(":");
}
