// Misbehaving peers over sockets.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { serve } from "@perspective/broker/broker";
import { ECHO, FATAL, NO_CLIENTS, Service } from "../bad_bytes.ts";
import { HELLO, RawPeer } from "../raw_peer.ts";

Deno.test("serve() keeps serving on TCP while misbehaving clients come and go", async () => {
  const seen: string[] = [];
  await using server = serve(new Service(), {
    hostname: "127.0.0.1",
    port: 0,
    log: ({ message }) => seen.push(message),
  });
  const { port } = server.addr as { port: number };
  const dial = async () => new RawPeer(await Deno.connect({ hostname: "127.0.0.1", port }));
  for (const { said, error } of NO_CLIENTS) {
    using peer = await dial();
    await peer.say(said);
    assertEquals(await peer.hearAll(), [["perspective-1", "pb", "none"]]);
    assertStringIncludes(seen.pop() ?? "", error);
  }
  for (const { said, error, options } of FATAL) {
    if (options !== undefined) continue;
    using peer = await dial();
    await peer.hear();
    assertEquals(await peer.ask(...HELLO), ["version", 6]);
    await peer.say(said);
    assertEquals(await peer.hearAll(), []);
    assertStringIncludes(seen.pop() ?? "", error);
  }
  {
    using vanishing = await dial();
    await vanishing.say(...HELLO, ECHO);
  }
  using good = await dial();
  await good.hear();
  assertEquals(await good.ask(...HELLO), ["version", 6]);
  assertEquals(await good.ask(ECHO), ["answer", 9, 9]);
});
