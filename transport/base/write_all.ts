/**
 * Writes more than a transport accepts at a time.
 *
 * @module
 */

import type { Transport } from "./transport.ts";

/** Writes all of the bytes. */
export async function writeAll(conn: Transport, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) {
    sent += await conn.write(sent === 0 ? bytes : bytes.subarray(sent));
  }
}
