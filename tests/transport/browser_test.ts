// A bundle for browsers uses nothing of Deno or Node.

import { assertEquals, assertFalse } from "@std/assert";
import { fileURLToPath } from "node:url";
import { upgradeWebSocket } from "@perspective/broker/transport";

Deno.test("transport/mod.ts can be bundled for browsers, and connects without Deno and Node", async () => {
  const folder = await Deno.makeTempDir();
  const bundle = `${folder}/transport.js`;
  const mod = fileURLToPath(new URL("../../transport/mod.ts", import.meta.url));
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--platform=browser", `--output=${bundle}`, mod],
  }).output();
  assertEquals(success, true, new TextDecoder().decode(stderr));
  const code = await Deno.readTextFile(bundle);
  assertFalse(/\bimport\b\s*[("'{*]|\brequire\s*\(/.test(code), "the bundle imports something");

  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const { response, dialed } = upgradeWebSocket(request);
    dialed?.then(async ({ transport }) => {
      const buffer = new Uint8Array(100);
      const count = await transport.read(buffer);
      await transport.write(buffer.subarray(0, count ?? 0));
      await transport.read(buffer);
    });
    return response;
  });
  // As close to a browser as a Deno program can be: without Deno, process and Buffer.
  const page = `
    const log = console.log;
    for (const name of ["Deno", "process", "Buffer", "global"]) delete globalThis[name];
    const { dial, memoryPair } = await import(${JSON.stringify(`file://${bundle}`)});
    memoryPair();
    const { transport, peer } = await dial("ws://127.0.0.1:${server.addr.port}/");
    await transport.write(Uint8Array.of(1, 2, 3));
    const buffer = new Uint8Array(8);
    log(await transport.read(buffer), peer.protocol);
    log((await dial("pb://127.0.0.1").catch((error) => error)).message);
    transport.close();
    await transport.closed;`;
  await Deno.writeTextFile(`${folder}/page.js`, page);
  const run = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-config", "--allow-net", "--allow-read", `${folder}/page.js`],
  }).output();
  assertEquals(new TextDecoder().decode(run.stderr), "");
  assertEquals(new TextDecoder().decode(run.stdout).trim().split("\n"), [
    "3 pb.v1",
    'Cannot connect to "pb://127.0.0.1:8787": a browser can connect only to ws and wss URLs',
  ]);
  await Deno.remove(folder, { recursive: true });
});
