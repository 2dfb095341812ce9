/**
 * Stands between a browser and a server, to cut connections at will.
 *
 * @module
 */

/** A TCP proxy to a port of this machine. */
export class Proxy implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #target: number;
  readonly #open = new Set<Deno.TcpConn>();
  readonly #running: Promise<void>;
  /** Whether the network is down, so that new connections are dropped at once. */
  isDown = false;

  constructor(target: number) {
    this.#target = target;
    this.#running = this.#run();
  }

  /** The port it listens on. */
  get port(): number {
    return this.#listener.addr.port;
  }

  /** Drops all connections. */
  cut(): void {
    for (const conn of this.#open) close(conn);
    this.#open.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.cut();
    await this.#running;
  }

  async #run(): Promise<void> {
    const pairs: Promise<void>[] = [];
    for await (const conn of this.#listener) pairs.push(this.#serve(conn));
    this.cut();
    await Promise.all(pairs);
  }

  async #serve(conn: Deno.TcpConn): Promise<void> {
    if (this.isDown) return close(conn);
    this.#open.add(conn);
    let other: Deno.TcpConn;
    try {
      other = await Deno.connect({ hostname: "127.0.0.1", port: this.#target });
    } catch {
      // The server is not listening, or not yet.
      this.#open.delete(conn);
      return close(conn);
    }
    // Meanwhile, all connections may have been cut.
    if (!this.#open.has(conn)) return close(other);
    this.#open.add(other);
    const ends = [conn, other];
    await Promise.allSettled([copy(conn, other), copy(other, conn)]);
    for (const end of ends) {
      this.#open.delete(end);
      close(end);
    }
  }
}

/** Passes on what arrives until either end closes. */
async function copy(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  try {
    for (let count = await from.read(buffer); count !== null; count = await from.read(buffer)) {
      for (let sent = 0; sent < count;) sent += await to.write(buffer.subarray(sent, count));
    }
  } finally {
    close(from);
    close(to);
  }
}

function close(conn: Deno.TcpConn): void {
  try {
    conn.close();
  } catch {
    // The other direction has already closed it.
  }
}
