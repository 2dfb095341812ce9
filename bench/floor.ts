/**
 * A contender that does the least that remote calls can cost in JavaScript: a number and a promise
 * for each call, messages of 40 bytes, one write per turn of the event loop, and no serialization.
 * Nothing that answers calls one by one is faster.
 *
 * @module
 */

import type { BenchClient, Contender } from "./harness.ts";

/** Bytes of a message: number of the call, length of what follows the message, and padding. */
const MESSAGE = 40;

/** Collects what is written in one turn, and writes it at once. */
class Out {
  readonly #conn: Deno.TcpConn;
  #bytes = new Uint8Array(4096);
  #length = 0;
  #isWriting = false;

  constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
  }

  send(id: number, rest?: Uint8Array): void {
    const length = MESSAGE + (rest?.length ?? 0);
    if (this.#length + length > this.#bytes.length) {
      const larger = new Uint8Array(2 * (this.#length + length));
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    const view = new DataView(this.#bytes.buffer, this.#length, MESSAGE);
    view.setUint32(0, id);
    view.setUint32(4, length - MESSAGE);
    if (rest !== undefined) this.#bytes.set(rest, this.#length + MESSAGE);
    this.#length += length;
    if (!this.#isWriting) this.#writeOut();
  }

  async #writeOut(): Promise<void> {
    this.#isWriting = true;
    let spare = new Uint8Array(4096);
    try {
      await undefined;
      while (this.#length !== 0) {
        const bytes = this.#bytes.subarray(0, this.#length);
        const { buffer } = this.#bytes;
        this.#bytes = spare;
        this.#length = 0;
        for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
        spare = new Uint8Array(buffer);
      }
      this.#bytes = spare;
    } catch {
      // The other end is gone.
    }
    this.#isWriting = false;
  }
}

/** Reads messages until the connection ends. */
async function read(conn: Deno.TcpConn, size: number, take: (id: number) => void): Promise<void> {
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  /** Bytes that wait, and bytes of a long message that are still to be skipped. */
  let length = 0;
  let rest = 0;
  try {
    for (;;) {
      const count = await conn.read(bytes.subarray(length));
      if (count === null) return;
      length += count;
      let at = Math.min(rest, length);
      rest -= at;
      while (rest === 0 && at + MESSAGE <= length) {
        take(view.getUint32(at));
        rest = view.getUint32(at + 4);
        at += MESSAGE;
        const passed = Math.min(rest, length - at);
        at += passed;
        rest -= passed;
      }
      bytes.copyWithin(0, at, length);
      length -= at;
    }
  } catch {
    // Closed.
  }
}

/** Connects to the server of {@linkcode floor}. */
export async function connectFloor(port: number, size = 65_536): Promise<BenchClient> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  conn.setNoDelay(true);
  const out = new Out(conn);
  const pending = new Map<number, { resolve: (value: unknown) => void; value: unknown }>();
  let last = 0;
  const call = (value: unknown, rest?: Uint8Array) =>
    new Promise<unknown>((resolve) => {
      pending.set(++last, { resolve, value });
      out.send(last, rest);
    });
  void read(conn, size, (id) => {
    const { resolve, value } = pending.get(id)!;
    pending.delete(id);
    resolve(value);
  });
  return {
    echo: (text) => call(text),
    echoPayload: (payload) => call(payload),
    sink: (bytes) => call(bytes.length, bytes),
    close: () => conn.close(),
  };
}

/** Sizes of the messages that the two ends of a login send in turn, in bytes; the server begins. */
const LOGIN_MESSAGES = [85, 92, 18];

/** Sends and receives as much as one end of a login does, without looking at any of it. */
async function exchange(conn: Deno.TcpConn, isServer: boolean): Promise<void> {
  conn.setNoDelay(true);
  const buffer = new Uint8Array(1024);
  for (const [turn, length] of LOGIN_MESSAGES.entries()) {
    if ((turn % 2 === 0) === isServer) await conn.write(buffer.subarray(0, length));
    else await conn.read(buffer);
  }
}

async function serveLogins(listener: Deno.TcpListener): Promise<void> {
  for await (const conn of listener) {
    void exchange(conn, true).then(() => conn.read(new Uint8Array(1))).finally(() => conn.close());
  }
}

/** The contender. */
export const floor: Contender = {
  serve({ mode }) {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    if (mode.startsWith("login")) {
      void serveLogins(listener);
      return listener.addr.port;
    }
    const size = mode === "idle" ? 4096 : 262_144;
    void (async () => {
      for await (const conn of listener) {
        conn.setNoDelay(true);
        const out = new Out(conn);
        const answer = (id: number) => out.send(id);
        const handler = (id: number) => Promise.resolve(id);
        void read(conn, size, (id) => void handler(id).then(answer));
      }
    })();
    return listener.addr.port;
  },
  connect: ({ port }) => connectFloor(port),
  async login({ port }) {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    await exchange(conn, false);
    conn.close();
  },
};
