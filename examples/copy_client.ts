/**
 * Gets a copy of an order from a shop, and sends it a copy of an address.
 *
 *     deno task deno run -A examples/copy_client.ts --port 8787
 *
 * The shop may be `copy_server.ts`, or Python: `python3 examples/python/copy_server.py`.
 */

import {
  connect,
  Copyable,
  PBError,
  RemoteCopy,
  setUnjellyableForClass,
} from "@perspective/broker";
import { type Place, runAt } from "./place.ts";

/** What the shop's orders arrive as: their fields, with our own methods. */
class OrderCopy extends RemoteCopy {
  id = 0;
  price = 0;
  items: Record<string, number> = {};

  override toString(): string {
    const items = Object.entries(this.items).map(([name, count]) => `${count} ${name}`);
    return `Order ${this.id}: ${items.join(", ")} for ${this.price}`;
  }
}

/** An address to send. */
class Address extends Copyable {
  static readonly jellyName = "shop.Address";
  constructor(readonly street: string, readonly city: string) {
    super();
  }
}

setUnjellyableForClass("shop.Order", OrderCopy);

async function shop({ hostname, port }: Place): Promise<void> {
  await using broker = await connect(`pb://${hostname}:${port}`);
  const root = broker.root();
  const order = await root.callRemote("order", 7);
  if (!(order instanceof OrderCopy)) throw new TypeError("The shop sent something else");
  console.log(String(order));
  console.log(await root.callRemote("ship", order.id, new Address("1 Main Street", "Berlin")));
  try {
    await root.callRemote("order", 8);
  } catch (error) {
    if (!(error instanceof PBError)) throw error;
    console.log(error.message);
  }
}

await runAt(
  `Gets a copy of an order from a shop, and sends it a copy of an address.

Usage: copy_client.ts [--host HOST] [--port PORT]
`,
  shop,
);
