// The whole package bundled as one script, without Deno and Node. chat_test.ts runs a part of it in a
// real browser.

import { assertEquals, assertFalse } from "@std/assert";
import {
  Avatar,
  handleWebSocket,
  InMemoryUsernamePasswordDatabaseDontUse,
  IPerspective,
  PBServerFactory,
  Portal,
  type RemoteReference,
} from "@perspective/broker";
import { fileURLToPath } from "node:url";

const PACKAGE = fileURLToPath(new URL("../../mod.ts", import.meta.url));

/** Asks an object of the page for its name. */
class Member extends Avatar {
  async perspective_hello(page: RemoteReference): Promise<string> {
    return `hello ${await page.callRemote("name")}`;
  }
}

Deno.test("mod.ts can be bundled without imports, and logs in and calls without Deno and Node", async () => {
  const folder = await Deno.makeTempDir();
  const bundle = `${folder}/pb.js`;
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--platform=browser", "--minify", `--output=${bundle}`, PACKAGE],
  }).output();
  assertEquals(success, true, new TextDecoder().decode(stderr));
  const code = await Deno.readTextFile(bundle);
  assertFalse(/\bimport\b\s*[("'{*]|\brequire\s*\(/.test(code), "the bundle imports something");

  const users = new InMemoryUsernamePasswordDatabaseDontUse({ alice: "secret" });
  const realm = { requestAvatar: () => [IPerspective, new Member(), () => {}] as const };
  await using factory = new PBServerFactory(new Portal(realm, [users]));
  await using http = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request, { remoteAddr }) => handleWebSocket(request, factory, { remoteAddr }),
  );
  const page = `
    const log = console.log;
    for (const name of ["Deno", "process", "Buffer", "global"]) delete globalThis[name];
    delete globalThis.Temporal;
    const pb = await import(${JSON.stringify(`file://${bundle}`)});
    class Page extends pb.Referenceable {
      remote_name() { return "page"; }
    }
    const broker = await pb.connect("ws://127.0.0.1:${http.addr.port}/");
    for (const mechanism of ["SCRAM-SHA-256", "MD5"]) {
      const alice = new pb.UsernamePassword("alice", "secret");
      const member = await broker.login(alice, null, { mechanisms: [mechanism] });
      log(mechanism, await member.callRemote("hello", new Page()));
    }
    await broker.close();`;
  await Deno.writeTextFile(`${folder}/page.js`, page);
  const run = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-config", "--allow-net", "--allow-read", `${folder}/page.js`],
  }).output();
  assertEquals(new TextDecoder().decode(run.stderr), "");
  assertEquals(new TextDecoder().decode(run.stdout), "SCRAM-SHA-256 hello page\nMD5 hello page\n");
  await Deno.remove(folder, { recursive: true });
});
