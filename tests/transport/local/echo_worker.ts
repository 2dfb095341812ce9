/**
 * A worker that echoes what arrives through the port that it is given.
 *
 * @module
 */

import { fromMessagePort } from "../../../transport/mod.ts";

addEventListener("message", async (event) => {
  const { transport } = fromMessagePort((event as MessageEvent<MessagePort>).data);
  const buffer = new Uint8Array(65_536);
  for (;;) {
    const count = await transport.read(buffer);
    if (count === null) return;
    if (new TextDecoder().decode(buffer.subarray(0, count)) === "please close") {
      return transport.close({ kind: "goingAway", message: "as you wish" });
    }
    for (let sent = 0; sent < count;) {
      sent += await transport.write(buffer.subarray(sent, count));
    }
  }
});
