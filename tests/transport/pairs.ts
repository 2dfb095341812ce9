/**
 * Connects pairs of ends with every kind of transport.
 *
 * @module
 */

import {
  dial,
  type Dialed,
  type DialOptions,
  fromMessagePort,
  listen,
  type Listener,
  type ListenOptions,
  memoryPair,
  upgradeWebSocket,
} from "@perspective/broker/transport";
import { EventTransport } from "../../transport/websocket/_event_transport.ts";
import { FramedTransport } from "../../transport/websocket/framed_transport.ts";
import { webSocketLimits } from "../../transport/websocket/websocket_options.ts";

/** Reads one of the test certificates or keys. */
export function pem(name: string): string {
  return Deno.readTextFileSync(new URL(`./certificates/${name}`, import.meta.url));
}

/** Options of a server with the test certificate. */
export const SERVER_TLS: ListenOptions = { cert: pem("server.pem"), key: pem("server.key") };
/** Options of a client that trusts it. */
export const CLIENT_TLS: DialOptions = { caCerts: [pem("authority.pem")] };
/** Options of a client with a certificate of its own. */
export const ALICE_TLS: DialOptions = {
  ...CLIENT_TLS,
  cert: pem("client.pem"),
  key: pem("client.key"),
};

/** Two connected ends; disposing of the pair closes both and waits until they are closed. */
export interface Pair extends AsyncDisposable {
  /** The end that opened the connection. */
  readonly client: Dialed;
  /** The end that accepted it. */
  readonly server: Dialed;
}

/** A kind of transport under test. */
export interface Kind {
  /** Its name. */
  readonly name: string;
  /** Whether the reason for closing reaches the other end. */
  readonly tellsReason: boolean;
  /**
   * Maximum bytes that the ends and the system hold while nothing reads; more must make a write
   * wait.
   */
  readonly buffers: number;
  /** Connects a pair. */
  readonly connect: () => Promise<Pair>;
}

/** Makes a pair of two ends, and of whatever else must be closed. */
export function pairOf(
  client: Dialed,
  server: Dialed,
  dispose: () => unknown = () => {},
): Pair {
  return {
    client,
    server,
    async [Symbol.asyncDispose]() {
      client.transport.close();
      server.transport.close();
      await client.transport.closed;
      await server.transport.closed;
      await dispose();
    },
  };
}

/** Accepts a connection; fails if the listener is closed. */
export async function accepted(listener: Listener): Promise<Dialed> {
  const dialed = await listener.accept();
  if (dialed === null) throw new Error("Cannot accept: listener closed");
  return dialed;
}

/** Connects to a listener created for the purpose. */
export async function connectTo(
  options: ListenOptions,
  dialOptions: DialOptions = {},
): Promise<Pair> {
  const listener = listen(options);
  const [client, server] = await Promise.all([
    dial(listener.url, dialOptions),
    accepted(listener),
  ]);
  return pairOf(client, server, () => listener.close());
}

/** Connects to a handler of `Deno.serve`. */
export async function connectToServe(dialIt: (url: string) => Promise<Dialed>): Promise<Pair> {
  const { promise, resolve, reject } = Promise.withResolvers<Dialed>();
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request, { remoteAddr }) => {
      const { response, dialed } = upgradeWebSocket(request, { remoteAddr });
      dialed?.then(resolve, reject);
      return response;
    },
  );
  const client = await dialIt(`ws://127.0.0.1:${server.addr.port}/`);
  return pairOf(client, await promise, () => server.shutdown());
}

/** Opens a WebSocket with the runtime's own class, as a browser does. */
export async function dialAsBrowser(url: string, protocol: string): Promise<Dialed> {
  const socket = new WebSocket(url, [protocol]);
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = reject;
  });
  const windowed = protocol !== "binary";
  const transport = new EventTransport(socket, { ...webSocketLimits({}), windowed });
  return { transport, peer: { kind: "websocket", address: "", secure: false, protocol } };
}

/** Puts a FramedTransport on both ends of a pair in memory. */
export function framedPair(windowed: boolean, chunkSize: number): Pair {
  const [first, second] = memoryPair({ chunkSize });
  const options = { ...webSocketLimits({}), windowed, early: new Uint8Array(0) };
  const client = new FramedTransport(first.transport, { ...options, client: true });
  const server = new FramedTransport(second.transport, { ...options, client: false });
  return pairOf({ ...first, transport: client }, { ...second, transport: server });
}

/** Every kind of transport. */
export const KINDS: readonly Kind[] = [
  {
    name: "memory",
    tellsReason: true,
    buffers: 65_536,
    connect: () => Promise.resolve(pairOf(...memoryPair())),
  },
  {
    name: "TCP",
    tellsReason: false,
    buffers: 16e6,
    connect: () => connectTo({ url: "pb://127.0.0.1:0" }),
  },
  {
    name: "Unix socket",
    tellsReason: false,
    buffers: 16e6,
    async connect() {
      const folder = await Deno.makeTempDir();
      const pair = await connectTo({ path: `${folder}/pb.sock` });
      return pairOf(pair.client, pair.server, async () => {
        await pair[Symbol.asyncDispose]();
        // Not recursive: the socket file must be gone.
        await Deno.remove(folder);
      });
    },
  },
  {
    name: "TLS",
    tellsReason: false,
    buffers: 16e6,
    connect: () => connectTo({ url: "pbs://127.0.0.1:0", ...SERVER_TLS }, CLIENT_TLS),
  },
  {
    name: "TLS with client certificate",
    tellsReason: false,
    buffers: 16e6,
    connect: () =>
      connectTo({
        url: "pbs://127.0.0.1:0",
        ...SERVER_TLS,
        clientCaCerts: [pem("authority.pem")],
      }, ALICE_TLS),
  },
  {
    name: "WebSocket",
    tellsReason: true,
    buffers: 2 ** 20,
    connect: () => connectTo({ url: "ws://127.0.0.1:0/pb" }),
  },
  {
    name: "WebSocket with TLS",
    tellsReason: true,
    buffers: 2 ** 20,
    connect: () => connectTo({ url: "wss://127.0.0.1:0/pb", ...SERVER_TLS }, CLIENT_TLS),
  },
  {
    name: "WebSocket in Deno.serve",
    tellsReason: true,
    buffers: 2 ** 20,
    connect: () => connectToServe((url) => dial(url)),
  },
  {
    name: "WebSocket from a browser",
    tellsReason: true,
    buffers: 2 ** 20,
    connect: () => connectToServe((url) => dialAsBrowser(url, "pb.v1")),
  },
  {
    name: "WebSocket byte by byte",
    tellsReason: true,
    buffers: 2 ** 20,
    connect: () => Promise.resolve(framedPair(true, 1)),
  },
  {
    name: "WebSocket without windows",
    tellsReason: true,
    buffers: 16e6,
    connect: () => Promise.resolve(framedPair(false, 65_536)),
  },
  {
    name: "message port",
    tellsReason: true,
    buffers: 2 ** 20,
    connect() {
      const { port1, port2 } = new MessageChannel();
      return Promise.resolve(pairOf(fromMessagePort(port1), fromMessagePort(port2)));
    },
  },
];
