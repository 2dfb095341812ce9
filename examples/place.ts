/**
 * What examples have in common: where they listen or connect, and how they end.
 *
 * @module
 */

import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import type { PBServer } from "@perspective/broker";
import { closeOnSignals } from "./shutdown.ts";

/** An address and a port. */
export interface Place {
  hostname: string;
  port: number;
}

/** What an example was given besides its place. */
export type Given<Options extends ParseArgsOptionsConfig> = ReturnType<
  typeof parseArgs<{ options: Options; allowPositionals: true }>
>;

/** Options for {@linkcode runAt}. */
export interface RunAtOptions<Options extends ParseArgsOptionsConfig> {
  /** The example's own options. Defaults to none. */
  options?: Options;
  /** Whether it accepts arguments that are not options. Defaults to false. */
  allowPositionals?: boolean;
}

const PLACE_OPTIONS = {
  host: { type: "string", default: "127.0.0.1" },
  port: { type: "string", default: "8787" },
  help: { type: "boolean", default: false },
} as const;

const PLACE_USAGE = `
  --host HOST  address (default: 127.0.0.1)
  --port PORT  port (default: 8787); for a server, 0 stands for any that is free
  --help       this text`;

/**
 * Runs an example at the place that its options name, or prints how it is used.
 *
 * @param usage What the example is, how to call it, and what its own options mean.
 * @param main The example.
 * @param own What it accepts besides its place.
 */
export async function runAt<Options extends ParseArgsOptionsConfig = Record<never, never>>(
  usage: string,
  main: (place: Place, given: Given<Options>) => Promise<void>,
  own: RunAtOptions<Options> = {},
): Promise<void> {
  let run: () => Promise<void>;
  try {
    const given = parseArgs({ ...own, options: { ...own.options, ...PLACE_OPTIONS } });
    const { host, port, help } = given.values as { host: string; port: string; help: boolean };
    if (help) return console.log(usage + PLACE_USAGE);
    const place = { hostname: host, port: portOf(port) };
    // The result has the options of both, which the compiler cannot infer.
    run = () => main(place, given as unknown as Given<Options>);
  } catch (error) {
    return fail(error, `\n\n${usage}${PLACE_USAGE}`);
  }
  await run().catch(fail);
}

/**
 * Prints where a server listens, and waits until the process is asked to end, as by Ctrl-C.
 *
 * @param server The server.
 */
export async function serveUntilInterrupted(server: PBServer): Promise<void> {
  console.log(`Listening at ${server.url}; end with Ctrl-C`);
  closeOnSignals([server]);
  await server.finished;
}

function portOf(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port < 65536) return port;
  throw new RangeError(`Cannot use port "${text}": it is not a number from 0 to 65535`);
}

function fail(error: unknown, advice = ""): never {
  console.error(`${error instanceof Error ? error.message : error}${advice}`);
  Deno.exit(1);
}
