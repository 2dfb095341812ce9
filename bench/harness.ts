/**
 * Measures a client and a server in two processes, in the modes of the peer benchmark
 * (bench/README.md): the same command line and the same loops for every contender.
 *
 * @module
 */

/** One connection, with what the modes need of it. */
export interface BenchClient {
  /** Echoes a text. */
  echo(text: string): Promise<unknown>;
  /** Echoes a list of records. */
  echoPayload(payload: BenchRecord[]): Promise<unknown>;
  /** Receives bytes, answers with their number. */
  sink(bytes: Uint8Array): Promise<unknown>;
  /** Closes the connection. */
  close(): void | Promise<void>;
}

/** A contender: what is measured. */
export interface Contender {
  /** Starts a server on a free port of the loopback address, returns the port. */
  serve(options: BenchOptions): number | Promise<number>;
  /** Connects to it. */
  connect(options: BenchOptions): Promise<BenchClient>;
  /** Connects, logs in, disconnects. */
  login?(options: BenchOptions): Promise<void>;
}

/** A record of the payload. */
export interface BenchRecord {
  id: number;
  name: string;
  score: number;
}

/** The command line. */
export interface BenchOptions {
  role: string;
  mode: string;
  port: number;
  serverPid: number;
  warm: number;
  seconds: number;
  conns: number;
  transport: string;
}

type Result = Record<string, number | string>;
type Call = () => Promise<unknown>;

const CHUNK = 65_536;
const TEXT = "0123456789";
/** Milliseconds after which a server that nothing has ended exits by itself. */
const SERVER_TIME = 120_000;

/** Makes the payload: records with an integer, a text and a float. */
export function makePayload(length = 100): BenchRecord[] {
  return Array.from({ length }, (_, i) => ({
    id: 1000 + i,
    name: `user-${String(i).padStart(4, "0")}`,
    score: (i * 138 + 51) / 100,
  }));
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function parse(args: string[]): BenchOptions {
  const words = new Map<string, string>();
  for (let i = 1; i < args.length; i += 2) {
    words.set(args[i]!.replace(/^--/, ""), args[i + 1] ?? "");
  }
  const number = (name: string, fallback: number) => Number(words.get(name) ?? fallback);
  return {
    role: args[0] ?? "",
    mode: words.get("mode") ?? "seq",
    transport: words.get("transport") ?? "tcp",
    port: number("port", 0),
    serverPid: number("server-pid", 0),
    warm: number("warm", 0.7),
    seconds: number("seconds", 2),
    conns: number("conns", 1000),
  };
}

/** Microseconds of processor time that a process has used. */
function cpuTime(pid: number | "self"): number {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) * 10_000;
  } catch {
    return NaN;
  }
}

function residentKiB(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]);
}

/** Begins to measure; the function that it returns ends the measurement. */
function meter(options: BenchOptions): (calls: number) => Result {
  const start = performance.now();
  const server = cpuTime(options.serverPid);
  const client = cpuTime("self");
  return (calls) => ({
    calls,
    rate: calls * 1000 / (performance.now() - start),
    serverCpuUs: (cpuTime(options.serverPid) - server) / calls,
    clientCpuUs: (cpuTime("self") - client) / calls,
  });
}

async function sequential(options: BenchOptions, call: Call): Promise<Result> {
  let end = performance.now() + options.warm * 1000;
  while (performance.now() < end) await call();
  const times: number[] = [];
  const done = meter(options);
  let last = performance.now();
  end = last + options.seconds * 1000;
  while (last < end) {
    await call();
    const now = performance.now();
    times.push(now - last);
    last = now;
  }
  const result = done(times.length);
  const sorted = Float64Array.from(times).sort();
  const at = (part: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]!;
  return { ...result, p50us: at(0.5) * 1000, p99us: at(0.99) * 1000 };
}

async function windowed(options: BenchOptions, width: number, call: Call): Promise<Result> {
  let isStopped = false;
  let count = 0;
  const all = Promise.all(Array.from({ length: width }, async () => {
    while (!isStopped) {
      await call();
      count++;
    }
  }));
  all.catch(() => isStopped = true);
  await Promise.race([sleep(options.warm * 1000), all]);
  count = 0;
  const done = meter(options);
  await Promise.race([sleep(options.seconds * 1000), all]);
  const result = done(count);
  isStopped = true;
  await all;
  return result;
}

/** The server's memory per connection that has made one call and is quiet. */
async function idle(options: BenchOptions, open: () => Promise<BenchClient>): Promise<Result> {
  const kept: BenchClient[] = [];
  const openMany = async (count: number) => {
    let left = count;
    await Promise.all(Array.from({ length: 20 }, async () => {
      while (left-- > 0) kept.push(await open());
    }));
  };
  const settled = async () => {
    await sleep(500);
    const raw = residentKiB(options.serverPid);
    Deno.kill(options.serverPid, "SIGUSR2");
    await sleep(700);
    return { raw, collected: residentKiB(options.serverPid) };
  };
  await openMany(50);
  const before = await settled();
  await openMany(options.conns);
  const after = await settled();
  return {
    conns: options.conns,
    kbPerConn: (after.raw - before.raw) / options.conns,
    kbPerConnGc: (after.collected - before.collected) / options.conns,
    held: kept.length,
  };
}

function check(isRight: boolean, what: string): void {
  if (!isRight) throw new Error(`wrong answer: ${what}`);
}

async function runClient(contender: Contender, options: BenchOptions): Promise<Result> {
  const { mode } = options;
  const width = Number(/\d+$/.exec(mode)?.[0] ?? 1);
  const measure = (call: Call) =>
    width === 1 ? sequential(options, call) : windowed(options, width, call);
  if (mode.startsWith("login")) return await measure(() => contender.login!(options));
  if (mode === "idle") {
    return await idle(options, async () => {
      const client = await contender.connect(options);
      check(await client.echo(TEXT) === TEXT, "echo");
      return client;
    });
  }
  const client = await contender.connect(options);
  try {
    if (mode.startsWith("payload")) {
      const payload = makePayload();
      const answer = await client.echoPayload(payload);
      check(JSON.stringify(answer) === JSON.stringify(payload), "payload");
      return await measure(async () => {
        const records = await client.echoPayload(payload) as BenchRecord[];
        check(records.length === 100 && records[99]!.score === payload[99]!.score, "payload");
      });
    }
    if (mode === "bytes") {
      const chunk = new Uint8Array(CHUNK).map((_, i) => i * 7);
      const result = await windowed(options, 16, async () => {
        check(await client.sink(chunk) === CHUNK, "sink");
      });
      return { ...result, mbs: Number(result.rate) * CHUNK / 1e6 };
    }
    return await measure(async () => check(await client.echo(TEXT) === TEXT, "echo"));
  } finally {
    await client.close();
  }
}

/**
 * Plays the role that the command line names.
 *
 * @param contender The contender to measure.
 */
export async function play(contender: Contender): Promise<void> {
  const options = parse(Deno.args);
  if (options.role !== "server") {
    const guard = setTimeout(
      () => report({ error: "timeout" }),
      (options.warm + options.seconds + 25) * 1000,
    );
    const result = await runClient(contender, options)
      .catch((error) => ({ error: String(error?.message ?? error) }));
    clearTimeout(guard);
    report(result);
  }
  const port = await contender.serve(options);
  const { gc } = globalThis as { gc?: () => void };
  Deno.addSignalListener("SIGUSR2", () => {
    gc?.();
    gc?.();
  });
  setTimeout(() => Deno.exit(), SERVER_TIME);
  console.log(`READY ${JSON.stringify({ port, pid: Deno.pid })}`);
  // The runner ends the server by closing its input.
  for await (const _ of Deno.stdin.readable);
  Deno.exit();
}

function report(result: Result): never {
  console.log(`RESULT ${JSON.stringify(result)}`);
  Deno.exit();
}
