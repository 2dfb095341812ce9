// Writes and runs the files that the README shows. `deno test --doc` runs its other examples.

import { assert, assertEquals } from "@std/assert";
import { twistedTest } from "../interop/peer.ts";

const REPOSITORY = new URL("../../", import.meta.url);
const PYTHON = Deno.env.get("PB_PYTHON") ?? "/usr/bin/python3";
const EXPECTED = (name: string) => `Hello world\nSo you are ${name}\n`;

/** The files in the README, by name. */
function filesInReadme(): Map<string, string> {
  const readme = Deno.readTextFileSync(new URL("README.md", REPOSITORY));
  const blocks = readme.matchAll(/^\*\*`(.+)`\*\*\n\n```\w+.*\n([^]*?)^```$/gm);
  return new Map(Array.from(blocks, ([, name, text]) => [name!, text!]));
}

/** Writes the files of the README, with another port, into a folder that uses this package. */
async function readmeFolder() {
  const folder = await Deno.makeTempDir();
  const port = freePort();
  for (const [name, text] of filesInReadme()) {
    assert(text.includes("8787") || !name.includes("server"));
    await Deno.writeTextFile(`${folder}/${name}`, text.replaceAll("8787", `${port}`));
  }
  const { imports } = JSON.parse(await Deno.readTextFile(new URL("deno.json", REPOSITORY)));
  imports["@perspective/broker"] = new URL("mod.ts", REPOSITORY).href;
  await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify({ imports, lock: false }));
  return {
    /** Checks the types of the files. */
    async check(): Promise<void> {
      const args = ["check", "server.ts", "client.ts"];
      const { code, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: folder })
        .output();
      assertEquals(code, 0, new TextDecoder().decode(stderr));
    },
    /** Runs a client to its end, after waiting until its server listens. */
    async run(name: string): Promise<string> {
      await listening(port);
      const { code, stdout, stderr } = await command(folder, name).output();
      const text = new TextDecoder();
      assertEquals(code, 0, text.decode(stderr));
      return text.decode(stdout);
    },
    /** Starts a server. */
    start(name: string): AsyncDisposable {
      const child = command(folder, name).spawn();
      const output = Promise.all([child.stdout.cancel(), child.stderr.cancel()]);
      return {
        async [Symbol.asyncDispose]() {
          child.kill();
          await child.status;
          await output;
        },
      };
    },
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

function command(folder: string, name: string): Deno.Command {
  const [program, args] = name.endsWith(".py")
    ? [PYTHON, ["-B", name]]
    : [Deno.execPath(), ["run", "--allow-net", name]];
  return new Deno.Command(program, {
    args,
    cwd: folder,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Waits until a server listens, for half a minute at most. */
async function listening(port: number): Promise<void> {
  for (let left = 1500;; left--) {
    try {
      using _connection = await Deno.connect({ hostname: "127.0.0.1", port });
      return;
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionRefused) || left === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

Deno.test("the README shows the four files that these tests run", () => {
  assertEquals([...filesInReadme().keys()], ["server.ts", "client.ts", "client.py", "server.py"]);
});

Deno.test("the TypeScript files of the README pass the type check", async () => {
  await using folder = await readmeFolder();
  await folder.check();
});

Deno.test("the client of the README prints what the README says", async () => {
  await using folder = await readmeFolder();
  await using _server = folder.start("server.ts");
  assertEquals(await folder.run("client.ts"), EXPECTED("Ada"));
});

twistedTest("the Python client of the README talks to its TypeScript server", async () => {
  await using folder = await readmeFolder();
  await using _server = folder.start("server.ts");
  assertEquals(await folder.run("client.py"), EXPECTED("Guido"));
});

twistedTest("the TypeScript client of the README talks to its Python server", async () => {
  await using folder = await readmeFolder();
  await using _server = folder.start("server.py");
  assertEquals(await folder.run("client.ts"), EXPECTED("Ada"));
});
