// The example that allows one client of a user at a time: its realm, and its programs.

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { stub } from "@std/testing/mock";
import {
  connect,
  InMemoryUsernamePasswordDatabaseDontUse,
  LoginDenied,
  PBConnectionLost,
  type PBServer,
  Portal,
  Referenceable,
  serve,
  UsernamePassword,
} from "@perspective/broker";
import { fileURLToPath } from "node:url";
import { type Notebook, TakeoverRealm } from "../../examples/takeover_server.ts";

const ALICE = new UsernamePassword("alice", "secret");

class Client extends Referenceable {
  readonly told = Promise.withResolvers<void>();
  remote_takenOver(): void {
    this.told.resolve();
  }
}

class Mute extends Referenceable {
  readonly answer = Promise.withResolvers<void>();
  remote_takenOver(): Promise<void> {
    return this.answer.promise;
  }
}

function serveNotes(timeToHear?: number): PBServer {
  const users = new InMemoryUsernamePasswordDatabaseDontUse({ alice: "secret", bob: "secret" });
  const login = { mechanisms: ["MD5"] as const };
  const portal = new Portal(new TakeoverRealm(timeToHear), [users]);
  return serve(portal, { hostname: "127.0.0.1", port: 0, login, log: () => {} });
}

/** Runs a test, and records what it prints instead of printing it. */
async function silently(test: (printed: string[]) => Promise<void>): Promise<void> {
  const printed: string[] = [];
  using _log = stub(console, "log", (line: string) => void printed.push(line));
  await test(printed);
}

Deno.test("TakeoverRealm notifies the earlier client, and closes it before the new one is logged in", () =>
  silently(async (printed) => {
    await using server = serveNotes();
    await using first = await connect(server.url);
    await using second = await connect(server.url);
    const client = new Client();
    const notebook = await first.login<Notebook>(ALICE, client);
    await notebook.remote.write("one");
    const again = await second.login<Notebook>(ALICE, new Client());
    await client.told.promise;
    await first.closed;
    assertEquals(await again.remote.read(), ["one"]);
    assertEquals(printed, [
      "alice has come",
      "alice is taken over",
      "alice has left",
      "alice has come",
    ]);
    await assertRejects(() => notebook.remote.read());
  }));

Deno.test("TakeoverRealm does not wait for an earlier client that does not answer", () =>
  silently(async () => {
    await using server = serveNotes();
    await using first = await connect(server.url);
    await using second = await connect(server.url);
    // Held, since an avatar that is garbage collected has left.
    using _avatar = await first.login(ALICE, new Mute());
    const again = await second.login<Notebook>(ALICE, new Client());
    assertEquals(await again.remote.read(), []);
    await first.closed;
  }));

Deno.test("TakeoverRealm lets a third client take over from one that is still logging in", () =>
  silently(async (printed) => {
    await using server = serveNotes(60_000);
    await using first = await connect(server.url);
    await using second = await connect(server.url);
    await using third = await connect(server.url);
    const mute = new Mute();
    // Held, since an avatar that is garbage collected has left.
    using _avatar = await first.login(ALICE, mute);
    const overtaken = second.login<Notebook>(ALICE, new Client()).then(
      (notebook) => notebook.remote.read(),
    );
    const lost = assertRejects(() => overtaken, Error);
    while (!printed.includes("alice is taken over")) await new Promise((go) => setTimeout(go, 5));
    const last = await third.login<Notebook>(ALICE, new Client());
    await lost;
    assertEquals(await last.remote.read(), []);
    mute.answer.resolve();
    await Promise.all([first.closed, second.closed]);
    assert(!third.isClosed);
  }));

Deno.test("TakeoverRealm does not disturb other users, and denies a client without a mind", () =>
  silently(async () => {
    await using server = serveNotes();
    await using first = await connect(server.url);
    await using second = await connect(server.url);
    const notebook = await first.login<Notebook>(ALICE, new Client());
    await second.login(new UsernamePassword("bob", "secret"), new Client());
    assertEquals(await notebook.remote.read(), []);
    await using third = await connect(server.url);
    await assertRejects(() => third.login(ALICE), LoginDenied);
  }));

/** A running example; tests can wait for its output. */
class Process {
  readonly child: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;
  readonly errors: Promise<string>;
  output = "";

  constructor(name: string, port: string) {
    const path = fileURLToPath(new URL(`../../examples/${name}`, import.meta.url));
    this.child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", path, "--port", port],
      env: { NO_COLOR: "1" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#lines = this.child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    this.errors = new Response(this.child.stderr).text();
  }
  async until(text: string): Promise<void> {
    while (!this.output.includes(text)) {
      const { value, done } = await this.#lines.read();
      if (done) throw new Error(`"${text}" did not come: ${this.output}${await this.errors}`);
      this.output += value;
    }
  }
  async end(signal?: Deno.Signal): Promise<{ code: number; errors: string }> {
    if (signal !== undefined) this.child.kill(signal);
    for (let read = await this.#lines.read(); !read.done; read = await this.#lines.read()) {
      this.output += read.value;
    }
    return { code: (await this.child.status).code, errors: await this.errors };
  }
}

Deno.test("takeover_client.ts ends when another one takes over, and takeover_server.ts ends on SIGTERM", async () => {
  const server = new Process("takeover_server.ts", "0");
  await server.until("\n");
  const port = /:(\d+);/.exec(server.output)![1]!;
  const first = new Process("takeover_client.ts", port);
  await first.until(`written by process ${first.child.pid}`);
  const second = new Process("takeover_client.ts", port);
  await second.until(`written by process ${second.child.pid}`);
  assertEquals(await first.end(), { code: 0, errors: "" });
  assertStringIncludes(
    first.output,
    "Somebody has logged in as the same user\nThe session is closed",
  );
  assertEquals(await server.end("SIGTERM"), { code: 0, errors: "" });
  assertStringIncludes(server.output, "Closed");
  await second.until("The session is waiting");
  assertEquals(await second.end("SIGINT"), { code: 0, errors: "" });
  assert(!(await second.errors).includes(PBConnectionLost.name));
});
