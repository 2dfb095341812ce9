/**
 * Servers of the peer benchmark, in processes of their own.
 *
 * @module
 */

import { fileURLToPath } from "node:url";

/** A server that runs until it is disposed of. */
export interface ServerProcess extends AsyncDisposable {
  readonly pid: number;
  readonly port: number;
}

/**
 * Starts the server of a contender, such as `contender.ts`.
 *
 * @param program The contender's file.
 * @param mode The mode that it serves.
 * @param transport How clients connect.
 */
export async function startServer(
  program: string,
  mode: string,
  transport: "tcp" | "ws",
): Promise<ServerProcess> {
  const file = fileURLToPath(new URL(`../${program}`, import.meta.url));
  const words = ["server", "--mode", mode, "--transport", transport];
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--v8-flags=--expose-gc", file, ...words],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let text = "";
  for await (const part of process.stdout.pipeThrough(new TextDecoderStream())) {
    text += part;
    if (text.includes("\n")) break;
  }
  const { pid, port } = JSON.parse(text.replace("READY ", "")) as { pid: number; port: number };
  return {
    pid,
    port,
    async [Symbol.asyncDispose]() {
      await process.stdin.close();
      await process.status;
    },
  };
}
