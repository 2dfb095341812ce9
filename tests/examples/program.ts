/**
 * Starts an example as a user does, and reads what it prints.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { PYTHON } from "../interop/peer.ts";

const FOLDER = new URL("../../examples/", import.meta.url);

/** Milliseconds within which a line must appear, and a program must end. */
const PATIENCE = 30_000;

/** How a program ended. */
export interface Outcome {
  readonly code: number;
  /** All lines that it printed. */
  readonly lines: readonly string[];
  readonly errors: string;
}

/** Options for {@linkcode Program.start}. */
export interface ProgramOptions {
  /** Environment variables in addition to those of this process. */
  env?: Record<string, string>;
  /** The permissions that Deno grants it. Defaults to all. */
  permissions?: string[];
}

/** A running example; disposing of it ends it. */
export class Program implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #name: string;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #errors: Promise<string>;
  readonly #reading: Promise<void>;
  readonly #lines: string[] = [];
  /** Index of the first line that has not been waited for. */
  #read = 0;
  #more = Promise.withResolvers<void>();
  #isAtEnd = false;
  #ending: Promise<Outcome> | undefined;

  private constructor(command: string, name: string, args: string[], env: Record<string, string>) {
    this.#name = name;
    this.#child = new Deno.Command(command, {
      args,
      env: { NO_COLOR: "1", ...env },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#errors = new Response(this.#child.stderr).text();
    this.#reading = this.#readLines();
  }

  /** Starts an example, in Python or TypeScript depending on its name. */
  static start(name: string, args: string[] = [], options: ProgramOptions = {}): Program {
    const { env = {}, permissions = ["-A"] } = options;
    const file = fileURLToPath(new URL(name, FOLDER));
    return name.endsWith(".py")
      ? new Program(PYTHON, name, ["-B", "-u", file, ...args], env)
      : new Program(
        Deno.execPath(),
        name,
        ["run", ...permissions, "--no-check", file, ...args],
        env,
      );
  }

  /**
   * Waits for a line, and skips those before it.
   *
   * @throws {Error} If the program ends first, or the line does not appear in time.
   */
  async line(pattern: RegExp): Promise<RegExpExecArray> {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.#wake();
    }, PATIENCE);
    try {
      for (;;) {
        while (this.#read < this.#lines.length) {
          const match = pattern.exec(this.#lines[this.#read++]!);
          if (match !== null) return match;
        }
        if (this.#isAtEnd || isLate) {
          const why = isLate ? "" : await this.#errors;
          const said = [`${this.#name} never printed ${pattern}:`, ...this.#lines, why];
          throw new Error(said.join("\n"));
        }
        await this.#more.promise;
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Types a line. */
  async type(line: string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(`${line}\n`));
  }

  /** Ends the input. */
  async endInput(): Promise<void> {
    await this.#input.close();
  }

  /** Sends a signal. */
  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Waits for the program to end, and kills it if it does not. */
  outcome(): Promise<Outcome> {
    return this.#ending ??= this.#end();
  }

  /** Ends it with a signal, and returns how it ended. */
  async end(signal: Deno.Signal = "SIGINT"): Promise<Outcome> {
    if (!this.#isAtEnd) this.kill(signal);
    return await this.outcome();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ending === undefined) await this.end("SIGKILL");
  }

  async #end(): Promise<Outcome> {
    const timer = setTimeout(() => this.kill("SIGKILL"), PATIENCE);
    const { code } = await this.#child.status;
    clearTimeout(timer);
    await this.#input.close().catch(() => {});
    await this.#reading;
    return { code, lines: this.#lines, errors: await this.#errors };
  }

  async #readLines(): Promise<void> {
    let rest = "";
    for await (const text of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      this.#lines.push(...lines);
      this.#wake();
    }
    this.#isAtEnd = true;
    this.#wake();
  }

  #wake(): void {
    const more = this.#more;
    this.#more = Promise.withResolvers();
    more.resolve();
  }
}
