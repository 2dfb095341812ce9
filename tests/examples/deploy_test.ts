// The example for Deno Deploy, run with only the permissions that it names.

import { assertEquals, assertInstanceOf, assertMatch, assertRejects } from "@std/assert";
import {
  Anonymous,
  connect,
  Referenceable,
  RemoteError,
  type RemoteReference,
  UnauthorizedLogin,
  UsernamePassword,
} from "@perspective/broker";
import type { Visitor } from "../../examples/deploy.ts";
import { Program } from "./program.ts";

/** Calls a function at each tick. */
class Watch extends Referenceable {
  readonly #onTick: (left: number) => unknown;

  constructor(onTick: (left: number) => unknown) {
    super();
    this.#onTick = onTick;
  }
  async remote_tick(left: number): Promise<void> {
    await this.#onTick(left);
  }
}

async function startDeploy(): Promise<{ program: Program; host: string }> {
  const program = Program.start("deploy.ts", [], {
    env: { HOST: "127.0.0.1", PORT: "0", USERS: "alice:tea" },
    permissions: ["--allow-net", "--allow-env", "--no-prompt"],
  });
  const [, host] = await program.line(/http:\/\/(127\.0\.0\.1:\d+)/);
  return { program, host: host! };
}

function countDown(visitor: RemoteReference<Visitor>, onTick: (left: number) => unknown) {
  // The example's own class of this name is a different type.
  return visitor.callRemote("countDown", 3, new Watch(onTick) as never);
}

Deno.test("deploy.ts serves guests and users, and answers other requests", async () => {
  const { program, host } = await startDeploy();
  await using _ = program;
  await using broker = await connect(`ws://${host}`);
  const guest = await broker.login<Visitor>(new Anonymous());
  const alice = await broker.login<Visitor>(new UsernamePassword("alice", "tea"));
  assertEquals(await guest.callRemote("whoami"), "guest");
  assertEquals(await alice.callRemote("whoami"), "alice");
  const guess = new UsernamePassword("alice", "coffee");
  await assertRejects(() => broker.login(guess), UnauthorizedLogin);
  const ticks: number[] = [];
  assertEquals(await countDown(alice, (left) => ticks.push(left)), "lift-off");
  assertEquals(ticks, [3, 2, 1]);
  const answer = await fetch(`http://${host}/`);
  assertEquals(await answer.json(), { connections: 1 });
  await broker.close();
  assertEquals((await program.end("SIGINT")).code, 0);
});

Deno.test("deploy.ts finishes open calls on SIGTERM, refuses new ones, and closes with 1001", async () => {
  const { program, host } = await startDeploy();
  await using _ = program;
  const raw = new WebSocket(`ws://${host}`, "binary");
  const closed = new Promise<CloseEvent>((resolve) => raw.addEventListener("close", resolve));
  await new Promise((resolve) => raw.addEventListener("open", resolve, { once: true }));
  await using broker = await connect(`ws://${host}`);
  const guest = await broker.login<Visitor>(new Anonymous());

  const result = await countDown(guest, async (left) => {
    if (left !== 3) return;
    program.kill("SIGTERM");
    await program.line(/^Closing/);
    await assertRejects(() => guest.callRemote("whoami"), RemoteError, "goes away");
    await assertRejects(() => connect(`ws://${host}`), Error, "503");
  });
  assertEquals(result, "lift-off");
  const reason = await broker.closed;
  assertInstanceOf(reason, Error);
  assertMatch(reason.message, /goes away/);
  const { code, wasClean } = await closed;
  assertEquals([code, wasClean], [1001, true]);
  assertEquals((await program.outcome()).code, 0);
});

Deno.test("deploy.ts ends on SIGTERM even if a client never answers", async () => {
  const { program, host } = await startDeploy();
  await using _ = program;
  await using broker = await connect(`ws://${host}`);
  const guest = await broker.login<Visitor>(new Anonymous());
  const called = Promise.withResolvers<void>();
  const silence = Promise.withResolvers<void>();
  const lost = assertRejects(() =>
    countDown(guest, () => {
      called.resolve();
      return silence.promise;
    })
  );
  await called.promise;
  program.kill("SIGTERM");
  const { code, lines, errors } = await program.outcome();
  assertEquals([code, lines.at(-1), errors], [0, "Closed", ""]);
  await lost;
  silence.resolve();
});
