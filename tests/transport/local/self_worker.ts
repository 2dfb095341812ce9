/**
 * A worker that echoes what arrives through its `self`, and shows that it still runs after the end
 * of the connection.
 *
 * @module
 */

import { fromMessagePort, type MessageEndpoint } from "../../../transport/mod.ts";

const { transport } = fromMessagePort(globalThis as unknown as MessageEndpoint);
const buffer = new Uint8Array(65_536);
for (let count; (count = await transport.read(buffer)) !== null;) {
  if (buffer[0] === 0) throw new Error("the first byte is 0");
  await transport.write(buffer.subarray(0, count));
}
addEventListener("message", (event) => {
  const { data } = event as MessageEvent<string>;
  (globalThis as unknown as MessageEndpoint).postMessage(`${data} to you`, []);
});
