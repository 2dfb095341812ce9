/**
 * Runs a deno command on any machine: `deno task deno ARGS…`.
 *
 * Where JSR can be reached, the command runs as it is. Where it cannot, `JSR_URL` points it, and
 * every deno process that it starts, to the folder `tools/jsr`: a registry of files, with stand-ins
 * for the functions of `@std` that this project uses.
 *
 * @module
 */

import { cp } from "node:fs/promises";
import { fileURLToPath, pathToFileURL } from "node:url";

/** Registry that Deno uses unless the environment names another one. */
const JSR = "https://jsr.io/";

/** Where the stand-ins are; Deno reads a registry from a `file:` URL like any other. */
const STAND_INS = new URL("./jsr/", import.meta.url).href;

/** Packages that a registry must have in order to be used. */
const PACKAGES = ["@std/assert", "@std/crypto", "@std/streams", "@std/testing"];

/** Milliseconds to wait for a registry before the stand-ins are used. */
const PATIENCE = 2500;

/**
 * Checks whether a registry has all packages that this project imports.
 *
 * @param registry URL of the registry, such as `https://jsr.io/`.
 * @param patience Milliseconds to wait for its answers.
 * @returns What is wrong with it, or `undefined` if it can be used.
 */
export async function registryFault(
  registry: string,
  patience: number = PATIENCE,
): Promise<string | undefined> {
  const signal = AbortSignal.timeout(patience);
  try {
    const base = registry.endsWith("/") ? registry : `${registry}/`;
    await Promise.all(PACKAGES.map(async (name) => {
      const response = await fetch(new URL(`${name}/meta.json`, base), { signal });
      if (!response.ok) {
        await response.body?.cancel();
        throw new Error(`status ${response.status} for ${name}`);
      }
      const { versions } = await response.json();
      if (typeof versions !== "object") throw new Error(`no versions of ${name}`);
    }));
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/**
 * Runs deno with the registry that can be reached, and waits for it to end.
 *
 * @param args Arguments of the command, such as `["test", "-A"]`.
 * @returns Its exit code.
 */
export async function runDeno(args: string[]): Promise<number> {
  let registry = Deno.env.get("JSR_URL") || JSR;
  if (registry !== STAND_INS && await registryFault(registry) !== undefined) {
    console.error(`JSR does not answer (${registry}): using the stand-ins in tools/jsr`);
    registry = STAND_INS;
  }
  if (registry !== STAND_INS || args[0] !== "publish") return await spawn(args, registry);
  // A published package must not import files of its folder that are not published, so the
  // stand-ins have to be elsewhere.
  const elsewhere = await Deno.makeTempDir();
  try {
    await cp(fileURLToPath(STAND_INS), elsewhere, { recursive: true });
    return await spawn(args, pathToFileURL(`${elsewhere}/`).href);
  } finally {
    await Deno.remove(elsewhere, { recursive: true });
  }
}

async function spawn(args: string[], registry: string): Promise<number> {
  const child = new Deno.Command(Deno.execPath(), {
    args,
    env: { DENO_NO_UPDATE_CHECK: "1", JSR_URL: registry },
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
  }).spawn();
  // Ctrl-C reaches the child anyway; here it just must not end the wait for it.
  listen("SIGINT", () => {});
  listen("SIGTERM", () => child.kill("SIGTERM"));
  const { code } = await child.status;
  return code;
}

function listen(signal: Deno.Signal, handler: () => void): void {
  if (Deno.build.os === "windows" && signal !== "SIGINT") return;
  Deno.addSignalListener(signal, handler);
}

if (import.meta.main) Deno.exit(await runDeno(Deno.args));
