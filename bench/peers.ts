/**
 * Measures this library side by side with its peers, as far as they are installed, and prints
 * tables with ratios (bench/README.md, "Peers").
 *
 *     deno task bench:peers [--reps 3] [--seconds 1] [--only id,id] [--modes mode,mode]
 *
 * @module
 */

import { parseArgs } from "node:util";
import { markdown, median, short, shortMedian } from "./table.ts";

/** A program to measure, or a pair of them, as in contenders.json. */
interface Entry {
  readonly id: string;
  readonly label: string;
  readonly cmd?: string[];
  readonly serverCmd?: string[];
  readonly clientCmd?: string[];
  readonly args?: string[];
  readonly modes: string[];
}

/** What a client reports: numbers by name, or an error. */
interface Result {
  readonly error?: string;
  readonly [name: string]: number | string | undefined;
}

/** Modes that are measured by default; in `seq@same` both ends share a processor. */
const MODES = "seq,seq@same,pipe64,pipe1000,payload16,bytes,login,idle";
/** How long a process may take to exit, in milliseconds. */
const PATIENCE = 3000;
/** The contenders that the ratios are relative to. */
const BASES = ["twisted", "capnweb", "capnweb-npm", "floor"];

const { values: options } = parseArgs({
  options: {
    reps: { type: "string", default: "3" },
    seconds: { type: "string", default: "1" },
    only: { type: "string" },
    modes: { type: "string", default: MODES },
  },
});
const folder = new URL(".", import.meta.url);
const interpreters: Record<string, string[]> = {
  "{deno}": [Deno.execPath(), "run", "-A", "--v8-flags=--expose-gc"],
  "{python}": ["/usr/bin/python3"],
};
const canPin = navigator.hardwareConcurrency > 1 && await works("taskset", "-c", "1", "true");

async function works(program: string, ...args: string[]): Promise<boolean> {
  try {
    const command = new Deno.Command(program, { args, stdout: "null", stderr: "null" });
    return (await command.output()).success;
  } catch {
    return false;
  }
}

/** Starts one end, on a processor of its own where the system can choose one. */
function start(words: string[], processor: number, stdin: "piped" | "null"): Deno.ChildProcess {
  const expanded = words.flatMap((word) => interpreters[word] ?? [word]);
  const [program, ...args] = canPin ? ["taskset", "-c", `${processor}`, ...expanded] : expanded;
  return new Deno.Command(program!, { args, cwd: folder, stdin, stdout: "piped", stderr: "piped" })
    .spawn();
}

/** Waits for a line that begins with a word; returns what follows the word. */
async function lineWith(process: Deno.ChildProcess, word: string): Promise<Result> {
  let text = "";
  for await (const part of process.stdout.pipeThrough(new TextDecoderStream())) {
    text += part;
    const line = new RegExp(`^${word} (.*)\n`, "m").exec(text);
    if (line !== null) return JSON.parse(line[1]!);
  }
  const said = (await new Response(process.stderr).text()).trim().split("\n");
  throw new Error(said.find((line) => /error/i.test(line)) ?? said.at(-1) ?? "it said nothing");
}

async function measure(entry: Entry, modeAndPlace: string): Promise<Result> {
  const [mode = "", place] = modeAndPlace.split("@");
  const args = ["--mode", mode, ...(entry.args ?? [])];
  const serverWords = [...(entry.serverCmd ?? entry.cmd ?? []), "server", ...args];
  const server = start(serverWords, place === "same" ? 1 : 0, "piped");
  try {
    const { port, pid } = await lineWith(server, "READY");
    const client = start(
      [
        ...(entry.clientCmd ?? entry.cmd ?? []),
        "client",
        ...args,
        ...["--port", `${port}`, "--server-pid", `${pid}`, "--seconds", options.seconds],
      ],
      1,
      "null",
    );
    try {
      return await lineWith(client, "RESULT");
    } finally {
      await end(client);
    }
  } finally {
    await server.stdin.close().catch(() => {});
    await end(server);
  }
}

/** Waits until a process has exited by itself, but not for long. */
async function end(process: Deno.ChildProcess): Promise<void> {
  const timer = setTimeout(() => process.kill("SIGKILL"), PATIENCE);
  await process.status;
  clearTimeout(timer);
  if (!process.stderr.locked) await process.stderr.cancel();
}

/** Whether a contender supports a mode. */
function hasMode({ modes }: Entry, mode: string): boolean {
  return modes.includes(mode.split("@")[0]!);
}

const entries: Entry[] = ["contenders.json", "peers.json"]
  .flatMap((name) => JSON.parse(Deno.readTextFileSync(new URL(name, folder))))
  .filter(({ id }) => options.only?.split(",").includes(id) ?? true);
const modes = options.modes.split(",");
const results = new Map<Entry, Map<string, Result[]>>(entries.map((entry) => [entry, new Map()]));
const absent = new Map<Entry, string>();

// Repetitions are the outermost loop, so that a slow minute of the machine affects all alike.
for (let repetition = 1; repetition <= Number(options.reps); repetition++) {
  for (const entry of entries) {
    for (const mode of modes.filter((mode) => hasMode(entry, mode) && !absent.has(entry))) {
      const known = results.get(entry)!;
      try {
        const result = await measure(entry, mode);
        known.set(mode, [...(known.get(mode) ?? []), result]);
        const { error, mbs, rate, kbPerConnGc } = result;
        const value = error ?? short(Number(mbs ?? rate ?? kbPerConnGc));
        console.error(`${repetition}/${options.reps} ${entry.id} ${mode}: ${value}`);
      } catch (error) {
        absent.set(entry, error instanceof Error ? error.message : String(error));
        console.error(`${entry.id} is left out: ${absent.get(entry)}`);
      }
    }
  }
}

/** The key of the value that counts in a mode. */
function keyOf(mode: string): string {
  return mode === "bytes" ? "mbs" : mode === "idle" ? "kbPerConnGc" : "rate";
}

function valuesOf(entry: Entry | undefined, mode: string, key: string): number[] {
  const all = entry === undefined ? [] : results.get(entry)?.get(mode) ?? [];
  return all.map((result) => Number(result[key])).filter(Number.isFinite);
}

/** How many times better a contender is than another: faster, or smaller in mode `idle`. */
function ratio(entry: Entry, base: Entry | undefined, mode: string): string {
  const [ours, theirs] = [entry, base].map((one) => valuesOf(one, mode, keyOf(mode)));
  if (ours!.length === 0 || theirs!.length === 0) return "";
  const times = median(ours!) / median(theirs!);
  return short(mode === "idle" ? 1 / times : times);
}

const shown = entries.filter((entry) => !absent.has(entry));
const table = (cell: (entry: Entry, mode: string) => string, rows = shown) =>
  markdown(
    ["", ...modes],
    rows.map((entry) => [entry.label, ...modes.map((mode) => cell(entry, mode))]),
  );

console.log(
  `\nCalls a second (\`bytes\`: MB/s; \`idle\`: KiB for each connection); the median of ` +
    `${options.reps} runs of ${options.seconds} s, \`~\` where they differ by more than 30 %. ` +
    `${canPin ? "Each end on a processor of its own" : "Not pinned to processors"}; Deno ` +
    `${Deno.version.deno}, load ${Deno.loadavg()[0]!.toFixed(1)}.\n`,
);
console.log(table((entry, mode) => shortMedian(valuesOf(entry, mode, keyOf(mode)))));
console.log("\nMicroseconds of processor time for each call, server / client:\n");
console.log(table((entry, mode) => {
  const [server, client] = ["serverCpuUs", "clientCpuUs"].map((key) => valuesOf(entry, mode, key));
  return server!.length === 0 ? "" : `${short(median(server!))} / ${short(median(client!))}`;
}));
for (const id of BASES) {
  const base = shown.find((entry) => entry.id === id);
  if (base === undefined) continue;
  console.log(`\nHow many times better than ${base.label}:\n`);
  const others = shown.filter(({ id }) => id === "ours-tcp" || id === "ours-ws");
  console.log(table((entry, mode) => ratio(entry, base, mode), others));
}
for (const [{ label }, reason] of absent) console.log(`\nLeft out: ${label} (${reason}).`);
