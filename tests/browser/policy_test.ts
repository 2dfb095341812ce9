// A page whose content security policy forbids the connection, which browsers hardly report.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { browserTest, launch } from "./browser.ts";

const PACKAGE = fileURLToPath(new URL("../../mod.ts", import.meta.url));

browserTest(
  "connect() rejects and openSession() keeps waiting when the page's policy forbids it",
  async () => {
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["bundle", "--platform=browser", PACKAGE],
    }).output();
    assertEquals(success, true, new TextDecoder().decode(stderr));
    await using http = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      (request) =>
        new URL(request.url).pathname === "/pb.js"
          ? new Response(stdout, { headers: { "content-type": "text/javascript" } })
          : new Response("", {
            headers: {
              "content-type": "text/html",
              "content-security-policy": "connect-src 'none'",
            },
          }),
    );
    await using browser = await launch();
    const page = await browser.newPage();
    const { port } = http.addr;
    await page.goto(`http://127.0.0.1:${port}/`);
    const connected = await page.evaluate(`
    import("/pb.js").then(({ connect }) => connect("ws://127.0.0.1:${port}/pb")).catch(String)`);
    assertStringIncludes(String(connected), "ConnectError: Cannot connect to");
    const states = await page.evaluate(`
    import("/pb.js").then(async ({ openSession }) => {
      const session = openSession("ws://127.0.0.1:${port}/pb");
      for await (const { kind } of session.states()) if (kind === "waiting") break;
      await session.close();
      return session.state.kind;
    })`);
    assertEquals(states, "closed");
  },
);
