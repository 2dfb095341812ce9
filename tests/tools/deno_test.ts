import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { registryFault } from "../../tools/deno.ts";

const RUNNER = fileURLToPath(new URL("../../tools/deno.ts", import.meta.url));

/** A registry on loopback that gives the same answer to every request. */
function registry(answer: () => Response | Promise<Response>): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, answer);
}

function urlOf(server: Deno.HttpServer<Deno.NetAddr>): string {
  return `http://127.0.0.1:${server.addr.port}`;
}

/** The address of a registry that is not running. */
async function deadUrl(): Promise<string> {
  await using server = registry(() => new Response());
  return urlOf(server);
}

/** Runs deno through tools/deno.ts. */
async function run(
  args: string[],
  registry: string,
): Promise<{ code: number; out: string; err: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-config", RUNNER, ...args],
    env: { JSR_URL: registry, NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder();
  return { code, out: text.decode(stdout).trim(), err: text.decode(stderr).trim() };
}

const SAY_REGISTRY = ["eval", "console.log(Deno.env.get('JSR_URL'))"];

Deno.test("registryFault() returns undefined for a registry that has the packages", async () => {
  await using server = registry(() => Response.json({ versions: {} }));
  assertEquals(await registryFault(urlOf(server)), undefined);
  assertEquals(await registryFault(`${urlOf(server)}/`), undefined);
});

Deno.test("registryFault() names the status of a registry that lacks a package", async () => {
  await using server = registry(() => new Response("no", { status: 404 }));
  assertStringIncludes(await registryFault(urlOf(server)) ?? "", "404");
});

Deno.test("registryFault() detects a server that is not a registry", async () => {
  await using login = registry(() => new Response("<html>log in first</html>"));
  assertMatch(await registryFault(urlOf(login)) ?? "", /JSON/);
  await using other = registry(() => Response.json({}));
  assertMatch(await registryFault(urlOf(other)) ?? "", /no versions/);
});

Deno.test("registryFault() detects a registry that refuses the connection", async () => {
  assert(await registryFault(await deadUrl()));
});

Deno.test("registryFault() times out when a registry never answers", async () => {
  const { promise, resolve } = Promise.withResolvers<Response>();
  await using server = registry(() => promise);
  const fault = await registryFault(urlOf(server), 50);
  resolve(new Response());
  assertMatch(fault ?? "", /timeout/);
});

Deno.test("tools/deno.ts keeps the registry if it answers", async () => {
  await using server = registry(() => Response.json({ versions: {} }));
  const { code, out, err } = await run(SAY_REGISTRY, urlOf(server));
  assertEquals({ code, out, err }, { code: 0, out: urlOf(server), err: "" });
});

Deno.test("tools/deno.ts uses the stand-ins if the registry does not answer, and prints a note", async () => {
  const dead = await deadUrl();
  const { code, out, err } = await run(SAY_REGISTRY, dead);
  assertEquals(code, 0);
  assertMatch(out, /^file:.*\/tools\/jsr\/$/);
  assertEquals(err, `JSR does not answer (${dead}): using the stand-ins in tools/jsr`);
  const again = await run(SAY_REGISTRY, out);
  assertEquals(again, { code: 0, out, err: "" });
});

Deno.test("tools/deno.ts runs a program that imports the stand-ins", async () => {
  const program = "import { assert } from 'jsr:@std/assert@1'; assert(true); console.log('ran');";
  const { out, err } = await run(["eval", program], await deadUrl());
  assertEquals(out, "ran", err);
});

Deno.test("tools/deno.ts can run publish with the stand-ins", async () => {
  const { code, err } = await run(["publish", "--help"], await deadUrl());
  assertEquals(code, 0, err);
});

Deno.test("tools/deno.ts exits with the code of its command", async () => {
  const { code } = await run(["eval", "Deno.exit(7)"], await deadUrl());
  assertEquals(code, 7);
});
