/**
 * Turns the system's sockets into transports.
 *
 * @module
 */

import { TransportClosedError } from "../base/errors.ts";
import { hostAndPort } from "../base/host.ts";
import type { Dialed, Peer, Transport } from "../base/transport.ts";

/** A Deno connection that may be closed twice; reads and writes go straight through. */
class SocketTransport implements Transport {
  readonly #conn: Deno.Conn;
  #closed = false;

  constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return this.#closed ? Promise.resolve(null) : this.#conn.read(buffer);
  }

  write(bytes: Uint8Array): Promise<number> {
    if (!this.#closed) return this.#conn.write(bytes);
    return Promise.reject(new TransportClosedError("Cannot write: connection closed"));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#conn.close();
  }
}

/** Wraps a TCP connection, and turns off Nagle's algorithm, which delays small messages. */
export function tcpDialed(conn: Deno.TcpConn): Dialed {
  conn.setNoDelay(true);
  const { hostname, port } = conn.remoteAddr;
  const peer: Peer = { kind: "tcp", address: hostAndPort(hostname, port), secure: false };
  return { transport: new SocketTransport(conn), peer };
}

/** Wraps a connection through a Unix socket. */
export function unixDialed(conn: Deno.UnixConn, path: string): Dialed {
  const peer: Peer = { kind: "unix", address: path, secure: false };
  return { transport: new SocketTransport(conn), peer };
}
