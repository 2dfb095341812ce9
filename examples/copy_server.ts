/**
 * A shop that sends copies of its orders, and receives copies of addresses.
 *
 *     deno task deno run -A examples/copy_server.ts --port 8787
 *
 * `copy_client.ts` is its customer, and so is Python: `python3 examples/python/copy_client.py`.
 */

import { Copyable, PBError, Root, serve, setUnjellyableForClass } from "@perspective/broker";
import { runAt, serveUntilInterrupted } from "./place.ts";

/** An order, which travels as its fields, except for what the shop has paid, which is private. */
class Order extends Copyable {
  static readonly jellyName = "shop.Order";
  readonly #cost: number;
  readonly items = new Map<string, number>();

  constructor(readonly id: number, readonly price: number, cost: number) {
    super();
    this.#cost = cost;
  }
  get profit(): number {
    return this.price - this.#cost;
  }
}

/** An address. This class is both sent and received, so it can be made without arguments. */
class Address extends Copyable {
  static readonly jellyName = "shop.Address";
  street = "";
  city = "";

  override toString(): string {
    return `${this.street}, ${this.city}`;
  }
}

class Shop extends Root {
  readonly #order = new Order(7, 17.5, 9);

  constructor() {
    super();
    this.#order.items.set("tea", 2).set("cup", 1);
  }
  remote_order(id: number): Order {
    if (id === this.#order.id) return this.#order;
    throw new PBError(`There is no order ${id}`);
  }
  remote_ship(order: number, to: Address): string {
    return `Order ${order} goes to ${to}, with a profit of ${this.#order.profit}`;
  }
}

setUnjellyableForClass(Address, Address);

await runAt(
  `A shop that gives copies of its orders, and takes copies of addresses.

Usage: copy_server.ts [--host HOST] [--port PORT]
`,
  (place) => serveUntilInterrupted(serve(new Shop(), place)),
);
