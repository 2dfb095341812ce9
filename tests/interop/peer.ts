/**
 * Starts the Python twins: real Twisted programs that tests talk to.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { testNeeding } from "../needs.ts";

/** The Python that has Twisted, where Debian puts it; the variable overrides it. */
export const PYTHON: string = Deno.env.get("PB_PYTHON") ?? "/usr/bin/python3";

/** Milliseconds in which a twin must end after its input is closed. */
const GRACE = 5000;

/** One line that a twin prints: a JSON object. */
export type Facts = Record<string, unknown>;

/** A running twin; disposing of it ends it. */
export class PythonPeer implements AsyncDisposable {
  readonly #script: string;
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: AsyncIterator<string>;
  readonly #errors: Promise<string>;
  #port = 0;
  #closing: Promise<number> | undefined;

  private constructor(script: string, args: string[]) {
    this.#script = script;
    this.#child = new Deno.Command(PYTHON, {
      // No bytecode files beside the sources, and no buffering of output.
      args: ["-B", "-u", fileURLToPath(new URL(script, import.meta.url)), ...args],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#lines = linesOf(this.#child.stdout);
    this.#errors = new Response(this.#child.stderr).text();
  }

  /**
   * Starts a twin that reports when it is ready: a server, or the console.
   *
   * @throws {Error} If it ends or prints something else first; its error output is in the message.
   */
  static async start(script: string, args: string[] = []): Promise<PythonPeer> {
    const peer = new PythonPeer(script, args);
    const facts = await peer.read();
    if (facts?.ready !== true) {
      await peer.close();
      throw new Error(`Cannot start "${script}": ${await peer.#errors || JSON.stringify(facts)}`);
    }
    peer.#port = typeof facts.port === "number" ? facts.port : 0;
    return peer;
  }

  /**
   * Runs a twin to its end: a client that prints what it did.
   *
   * @returns Its exit code, its lines, and what it wrote to its error output.
   */
  static async run(
    script: string,
    args: string[] = [],
  ): Promise<{ code: number; lines: Facts[]; errors: string }> {
    const peer = new PythonPeer(script, args);
    const lines: Facts[] = [];
    for (let facts = await peer.read(); facts; facts = await peer.read()) lines.push(facts);
    return { code: await peer.close(), lines, errors: await peer.#errors };
  }

  /** The TCP port that a server listens on; 0 if there is none. */
  get port(): number {
    return this.#port;
  }

  /** Waits for the next line; `undefined` if the twin has ended. */
  async read(): Promise<Facts | undefined> {
    const { done, value } = await this.#lines.next();
    return done ? undefined : JSON.parse(value);
  }

  /** Writes one line to the input. */
  async write(line: string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(`${line}\n`));
  }

  /**
   * Has the console evaluate a Python expression.
   *
   * @returns `type` and `repr` of its value, or `error` and `message`.
   * @throws {Error} If the console has ended.
   */
  async ask(expression: string): Promise<Facts> {
    await this.write(expression);
    const facts = await this.read();
    if (!facts) {
      throw new Error(`Cannot ask "${this.#script}": ${await this.#errors || "it ended"}`);
    }
    return facts;
  }

  /** Sends a signal, such as SIGSTOP. */
  signal(name: Deno.Signal): void {
    this.#child.kill(name);
  }

  /** Ends the twin and waits for it; a second call does the same. */
  close(): Promise<number> {
    return this.#closing ??= this.#end();
  }

  /** Same as {@linkcode PythonPeer.close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #end(): Promise<number> {
    // A twin that has ended has already closed its end of the pipe.
    await this.#input.close().catch(() => {});
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), GRACE);
    while (await this.read());
    const { code } = await this.#child.status;
    clearTimeout(timer);
    await this.#errors;
    return code;
  }
}

/**
 * Starts a twin that reports when it is ready.
 *
 * @param script The twin's file in this folder, such as `echo_server.py`.
 * @param args Its arguments.
 */
export function startPython(script: string, args: string[] = []): Promise<PythonPeer> {
  return PythonPeer.start(script, args);
}

/**
 * Runs a twin to its end.
 *
 * @param script The twin's file in this folder, such as `echo_client.py`.
 * @param args Its arguments.
 */
export function runPython(
  script: string,
  args: string[] = [],
): Promise<{ code: number; lines: Facts[]; errors: string }> {
  return PythonPeer.run(script, args);
}

/**
 * Defines a test against real Twisted; if PB_REQUIRE_TWISTED is set, it fails where there is none.
 */
export function twistedTest(name: string, fn: (t: Deno.TestContext) => Promise<void>): void {
  const need = { tool: "python3-twisted", required: "PB_REQUIRE_TWISTED", fault: twistedFault };
  testNeeding(need, name, fn);
}

/** Returns what is wrong with Twisted here; `undefined` if it can be used. */
export const twistedFault: () => string | undefined = once(() => pythonFault("twisted.spread.pb"));

/** Returns what is wrong with a Python module here; `undefined` if it can be used. */
export function pythonFault(module: string): string | undefined {
  try {
    const { success, stderr } = new Deno.Command(PYTHON, {
      args: ["-c", `import ${module}`],
    }).outputSync();
    if (success) return undefined;
    return new TextDecoder().decode(stderr).trim().split("\n").at(-1) || `${PYTHON} fails`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function once<T>(compute: () => T): () => T {
  let found: { value: T } | undefined;
  return () => (found ??= { value: compute() }).value;
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, void, void> {
  const text = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + text.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}
