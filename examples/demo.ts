/**
 * Two programs that log in and call each other: `deno task demo`.
 *
 * This one serves a shop, and starts itself a second time as its customer. Each line names the
 * process that it is from. It exits by itself, with code 0 if all went well.
 */

import {
  type AnyClass,
  Avatar,
  type AvatarGrant,
  type AvatarId,
  connect,
  InMemoryUsernamePasswordDatabaseDontUse,
  IPerspective,
  type IRealm,
  PBError,
  Portal,
  Referenceable,
  type RemoteReference,
  serve,
  UnauthorizedLogin,
  UsernamePassword,
} from "@perspective/broker";

/** How long the demo may take, in milliseconds. */
const PATIENCE = 30_000;

/** An error meant for the customer, under a name that any peer can check for. */
class OutOfStock extends PBError {
  static override readonly jellyName = "demo.OutOfStock";
}

// The server.

/** What a customer can do: each has their own. */
class Customer extends Avatar {
  readonly #stock = new Map([["apples", 5], ["pears", 0]]);

  perspective_buy(item: string, count: number): { item: string; count: number; left: number } {
    const left = (this.#stock.get(item) ?? 0) - count;
    if (left < 0) throw new OutOfStock(`no ${count} ${item} left`);
    this.#stock.set(item, left);
    return { item, count, left };
  }
  /** Calls an object that lives in the customer's process. */
  async perspective_watch(watcher: RemoteReference<Watcher>): Promise<string[]> {
    const replies = [];
    for (const price of [3, 2]) {
      say(`calls the customer's watcher: price("apples", ${price})`);
      replies.push(await watcher.remote.price("apples", price));
    }
    watcher.release();
    return replies;
  }
}

/** Gives each customer who logs in an avatar. */
class Shop implements IRealm {
  requestAvatar(avatarId: AvatarId): AvatarGrant<IPerspective> {
    say(`${String(avatarId)} comes in`);
    return [IPerspective, new Customer(), () => say(`${String(avatarId)} has left`)];
  }
}

/** Serves until the customer has gone. */
async function runShop(): Promise<number> {
  const users = new InMemoryUsernamePasswordDatabaseDontUse({ alice: "secret" });
  await using server = serve(new Portal(new Shop(), [users]), {
    hostname: "127.0.0.1",
    port: 0,
    log: ({ message }) => say(`logs: ${message}`),
  });
  say(`listens at ${server.url}, and starts a customer`);
  const customer = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", import.meta.url, server.url],
    stdin: "null",
    signal: AbortSignal.timeout(PATIENCE),
  }).spawn();
  const { code } = await customer.status;
  await server.close();
  say(code === 0 ? "closes: all went well" : `closes: the customer ended with code ${code}`);
  return code;
}

// The client.

/** An object of the customer's, which the shop calls. */
class Watcher extends Referenceable {
  remote_price(item: string, price: number): string {
    say(`is called: price("${item}", ${price})`);
    return price < 3 ? "cheap" : "dear";
  }
}

/** Logs in, calls, is called, and fails. */
async function runCustomer(url: string): Promise<number> {
  await using broker = await connect(url, { signal: AbortSignal.timeout(PATIENCE) });
  say("connects, and logs in as alice");
  using shop = await broker.login<Customer>(new UsernamePassword("alice", "secret"));

  await expect(
    { item: "apples", count: 3, left: 2 },
    'buy("apples", 3)',
    () => shop.remote.buy("apples", 3),
  );
  await expect(
    ["dear", "cheap"],
    "watch(an object of its own)",
    () => shop.remote.watch(new Watcher()),
  );
  await expectError(OutOfStock, 'buy("pears", 1)', () => shop.remote.buy("pears", 1));
  await expectError(
    UnauthorizedLogin,
    "login as mallory",
    () => broker.login(new UsernamePassword("mallory", "guess")),
  );
  say("has seen enough");
  return 0;
}

/** Makes a call, and prints its result. */
async function expect(expected: unknown, name: string, call: () => Promise<unknown>) {
  const text = JSON.stringify(await call());
  say(`calls ${name}: ${text}`);
  if (text !== JSON.stringify(expected)) throw new Error(`Expected ${JSON.stringify(expected)}`);
}

/** Makes a call that has to fail at the other end, and prints how it failed. */
async function expectError(kind: AnyClass, name: string, call: () => Promise<unknown>) {
  const error = await call().then(() => undefined, (error) => error);
  say(`calls ${name}: ${error?.remoteType ?? "no error"}, ${error?.message}`);
  if (error?.check?.(kind) !== kind) throw new Error(`Expected ${kind.name}`);
}

/** Prints a line, with the name of this process. */
function say(what: string): void {
  const who = url === undefined ? "shop    " : "customer";
  console.log(`${who} ${String(Deno.pid).padEnd(7)} ${what}`);
}

const [url] = Deno.args;
try {
  Deno.exitCode = await (url === undefined ? runShop() : runCustomer(url));
} catch (error) {
  say(`fails: ${error instanceof Error ? error.message : error}`);
  Deno.exitCode = 1;
}
