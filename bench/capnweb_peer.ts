/**
 * Cap'n Web in the peer benchmark (bench/README.md). With `--transport npm` its client connects
 * through npm's `ws`, since Deno's own WebSocket client waits for acknowledgements.
 *
 * @module
 */

import { newWebSocketRpcSession, RpcTarget } from "npm:capnweb@^0.12.0";
import { WebSocket as NpmWebSocket } from "npm:ws@^8.18.0";
import { type BenchRecord, play } from "./harness.ts";

class Api extends RpcTarget {
  echo(value: unknown): unknown {
    return value;
  }
  sink(bytes: Uint8Array): number {
    return bytes.length;
  }
}

/** What the client calls: every method of a stub returns a promise. */
interface Remote {
  echo(value: string | BenchRecord[]): Promise<unknown>;
  sink(bytes: Uint8Array): Promise<unknown>;
  [Symbol.dispose](): void;
}

await play({
  serve() {
    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
      const { socket, response } = Deno.upgradeWebSocket(request);
      newWebSocketRpcSession(socket, new Api());
      return response;
    });
    return server.addr.port;
  },
  connect({ port, transport }) {
    const url = `ws://127.0.0.1:${port}/`;
    // Npm's client has all that Cap'n Web uses of a WebSocket; a stub has any method.
    const socket = transport === "npm"
      ? new NpmWebSocket(url, { perMessageDeflate: false }) as unknown as WebSocket
      : new WebSocket(url);
    const api = newWebSocketRpcSession(socket) as unknown as Remote;
    return Promise.resolve({
      echo: (text) => api.echo(text),
      echoPayload: (payload) => api.echo(payload),
      sink: (bytes) => api.sink(bytes),
      close: () => api[Symbol.dispose](),
    });
  },
});
