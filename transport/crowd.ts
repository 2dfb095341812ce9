/**
 * Those who have come and are not known yet, by where they come from.
 *
 * @module
 */

import { BusyMap } from "./busy_map.ts";
import { BusySet } from "./busy_set.ts";

/** Somebody in a crowd. */
export interface Visitor {
  /** The address that he comes from, without the port: the same for all that are one to those who count. */
  readonly host: string;
}

/** A crowd that has a limit, which those keep who came from one place in great numbers. */
export class Crowd<T extends Visitor> {
  readonly #hosts = new BusyMap<string, BusySet<T>>();
  #size = 0;

  /** How many there are. */
  get size(): number {
    return this.#size;
  }

  /** All of them. */
  *[Symbol.iterator](): Iterator<T> {
    for (const visitors of this.#hosts.values()) yield* visitors;
  }

  /**
   * Adds somebody.
   *
   * @param visitor Who is not in the crowd yet.
   */
  add(visitor: T): void {
    const { host } = visitor;
    let visitors = this.#hosts.get(host);
    if (visitors === undefined) this.#hosts.set(host, visitors = new BusySet());
    visitors.add(visitor);
    this.#size++;
  }

  /**
   * Removes somebody, if he is in the crowd.
   *
   * @param visitor Who.
   */
  delete(visitor: T): void {
    const { host } = visitor;
    const visitors = this.#hosts.get(host);
    if (visitors === undefined || !visitors.delete(visitor)) return;
    if (visitors.size === 0) this.#hosts.delete(host);
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
    for (const visitors of this.#hosts.values()) {
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
