/**
 * Up to 10,000 connections to one server.
 *
 * @module
 */

import { connect } from "@perspective/broker/broker";
import { connectFloor } from "../floor.ts";
import type { BenchClient } from "../harness.ts";
import { markdown, short } from "../table.ts";
import { ownTime, timeOf } from "./meter.ts";
import { startServer } from "./server.ts";

/** Number of connections that are opened at a time. */
const AT_ONCE = 20;
/** Number of calls that are measured. */
const CALLS = 4000;
/** Number of calls in flight, each over a different connection. */
const IN_FLIGHT = 64;
const SIZES = [1, 10, 100, 1000, 3000, 10_000];
const TEXT = "0123456789";

/** A connection over which only one call is made at a time. */
type Client = Pick<BenchClient, "echo" | "close">;

/** Microseconds per connection or call, and KiB per connection. */
interface Costs {
  readonly opening: number;
  readonly overOne: number;
  readonly overAll: number;
  readonly memory: number;
}

function residentKiB(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]);
}

/** How many files a process may have open; `Infinity` if the system does not say. */
function fileLimit(): number {
  const limits = Deno.readTextFileSync("/proc/self/limits");
  const limit = /Max open files\s+(\d+)/.exec(limits)?.[1];
  return limit === undefined ? Infinity : Number(limit);
}

/** Opens connections until there are `size` of them, and makes a first call over each. */
async function openUntil(
  size: number,
  clients: Client[],
  open: () => Promise<Client>,
): Promise<void> {
  let left = size - clients.length;
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (left-- > 0) {
      const client = await open();
      await client.echo(TEXT);
      clients.push(client);
    }
  }));
}

/** Makes calls over one connection after another. */
async function callAll(clients: readonly Client[]): Promise<void> {
  let next = 0;
  await Promise.all(Array.from({ length: IN_FLIGHT }, async () => {
    while (next < CALLS) await clients[(next++ * 7919) % clients.length]!.echo(TEXT);
  }));
}

/** Makes calls over the first connection, while the others are quiet. */
async function callOne([client]: readonly Client[]): Promise<void> {
  for (let i = 0; i < CALLS; i++) await client!.echo(TEXT);
}

/** Measures with more and more connections to a server in another process. */
async function measure(
  program: string,
  sizes: readonly number[],
  open: (port: number) => Promise<Client>,
): Promise<Costs[]> {
  await using server = await startServer(program, "idle", "tcp");
  const time = () => ownTime() + timeOf(server.pid);
  const perCall = async (calls: () => Promise<void>) => {
    let best = Infinity;
    for (let round = 0; round < 3; round++) {
      const start = time();
      await calls();
      best = Math.min(best, (time() - start) / CALLS);
    }
    return best;
  };
  const clients: Client[] = [];
  const costs: Costs[] = [];
  let before = { size: 0, resident: 0 };
  for (const size of sizes) {
    const added = size - clients.length;
    const start = time();
    await openUntil(size, clients, () => open(server.port));
    const opening = (time() - start) / added;
    const overOne = await perCall(() => callOne(clients));
    const overAll = await perCall(() => callAll(clients));
    Deno.kill(server.pid, "SIGUSR2");
    await new Promise((resolve) => setTimeout(resolve, 500));
    const resident = residentKiB(server.pid);
    const memory = (resident - before.resident) / (size - before.size);
    costs.push({ opening, overOne, overAll, memory: added < 500 ? NaN : memory });
    before = { size, resident };
  }
  await Promise.all(clients.map((client) => client.close()));
  return costs;
}

/** Measures, and lays out the table. */
export async function connectionsTable(): Promise<string> {
  const sizes = SIZES.filter((size) => size < fileLimit() - 100);
  const ours = await measure("contender.ts", sizes, async (port) => {
    const broker = await connect(`pb://127.0.0.1:${port}`);
    const root = broker.root();
    return { echo: (text) => root.callRemote("echo", text), close: () => broker.close() };
  });
  const floor = await measure("floor_peer.ts", sizes, (port) => connectFloor(port, 4096));
  const rows = sizes.map((size, i) => {
    const [here, there] = [ours[i]!, floor[i]!];
    const cells = [here.opening, here.overOne, here.overAll, there.overAll];
    const memory = [here.memory, there.memory].map((value) =>
      Number.isNaN(value) ? "" : short(value)
    );
    return [String(size), ...cells.map(short), ...memory];
  });
  const head = ["connections", "to open", "over one", "over all", "(floor)", "KiB each", "(floor)"];
  return "Connections to one server, which is another process; microseconds of processor time of " +
    `both for each to open (with a first call, ${AT_ONCE} at a time), for a call over the first alone, ` +
    `one by one, and for a call over each in turn, ${IN_FLIGHT} in flight; and by how much the ` +
    "server's memory has grown for each since the line above. In brackets, the same for the floor " +
    `(floor.ts). A process may have ${fileLimit()} files open here.\n\n${markdown(head, rows)}`;
}
