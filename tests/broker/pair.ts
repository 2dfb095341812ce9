/** Two connected brokers whose tables must be empty in the end. */
import {
  type BrokerPair,
  connectPair,
  type LogEntry,
  type PairOptions,
  type ServerRoot,
} from "@perspective/broker/broker";
import { assertNothingLeft } from "./raw_peer.ts";

/** A pair that records what each end logs. */
export interface TestPair extends BrokerPair {
  /** What the server's end has logged. */
  readonly serverLog: LogEntry[];
  /** What the client's end has logged. */
  readonly clientLog: LogEntry[];
}

/** Connects a pair in memory. On disposal, nothing may be left at either end. */
export async function testPair(root: ServerRoot, options: PairOptions = {}): Promise<TestPair> {
  const serverLog: LogEntry[] = [];
  const clientLog: LogEntry[] = [];
  const pair = await connectPair(root, {
    server: { log: (entry) => serverLog.push(entry), ...options.server },
    client: { log: (entry) => clientLog.push(entry), ...options.client },
  });
  return {
    ...pair,
    serverLog,
    clientLog,
    async [Symbol.asyncDispose]() {
      await pair[Symbol.asyncDispose]();
      for (const broker of [pair.client, pair.server]) assertNothingLeft(broker);
    },
  };
}

/** Waits until everything has happened that can happen without timers or sockets. */
export async function settle(): Promise<void> {
  await new Promise<void>((resolve) => setTimeout(resolve, 0));
  await new Promise<void>((resolve) => setTimeout(resolve, 0));
}

/** Waits until a number no longer changes, and returns it. */
export async function settled(count: () => number): Promise<number> {
  for (let before = -1; before !== count();) {
    before = count();
    for (let i = 0; i < 4; i++) await settle();
  }
  return count();
}
