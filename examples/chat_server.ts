/**
 * A chat for Python programs, terminals and browsers at once.
 *
 *     deno task deno run -A examples/chat_server.ts
 *
 * It listens for TCP (`chat_client.py`, `chat_client.ts`) and serves a page, which speaks the same
 * protocol over WebSocket. One factory makes all connections, so limits and shutdown are shared.
 */

import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import {
  handleWebSocket,
  InMemoryUsernamePasswordDatabaseDontUse,
  LoginThrottle,
  PBServerFactory,
  Portal,
  serve,
} from "@perspective/broker";
import { Chat } from "./chat/rooms.ts";
import { closeOnSignals } from "./shutdown.ts";

const USAGE = `A chat for Python programs, terminals and browsers.

Usage: chat_server.ts [--host HOST] [--port PORT] [--http-port PORT] [--user NAME:PASSWORD]...

  --host HOST           address to listen at (default: 127.0.0.1)
  --port PORT           port for TCP (default: 8787); 0 for any that is free
  --http-port PORT      port for browsers (default: 8080); 0 for any that is free
  --user NAME:PASSWORD  who may log in (default: alice, bob and carol, with the password "tea")
  --help                this text`;

/** What the page may do: load from this server, and connect to it. */
const HEADERS = {
  // The last one is for the WebAssembly that @std/crypto uses to compute MD5.
  "content-security-policy":
    "default-src 'none'; style-src 'self'; img-src data:; connect-src 'self'; base-uri 'none'; " +
    "form-action 'none'; frame-ancestors 'none'; script-src 'self' 'wasm-unsafe-eval'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cache-control": "no-cache",
};

/** A file of the page. */
interface Asset {
  readonly type: string;
  readonly body: string;
}

const FOLDER = new URL("./chat/", import.meta.url);

/** Bundles `page.ts` and everything that it imports into one script. */
async function bundlePage(): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--platform=browser", "--minify", fileURLToPath(new URL("page.ts", FOLDER))],
  }).output();
  const text = new TextDecoder();
  if (!success) throw new Error(`Cannot bundle the page: ${text.decode(stderr)}`);
  return text.decode(stdout);
}

/** The files of the page, by their paths. */
async function readAssets(): Promise<Map<string, Asset>> {
  const [page, style, script] = await Promise.all([
    Deno.readTextFile(new URL("index.html", FOLDER)),
    Deno.readTextFile(new URL("style.css", FOLDER)),
    bundlePage(),
  ]);
  return new Map([
    ["/", { type: "text/html; charset=utf-8", body: page }],
    ["/style.css", { type: "text/css; charset=utf-8", body: style }],
    ["/page.js", { type: "text/javascript; charset=utf-8", body: script }],
  ]);
}

function answer(request: Request, assets: ReadonlyMap<string, Asset>): Response {
  const asset = assets.get(new URL(request.url).pathname);
  if (asset === undefined) return new Response("Not found\n", { status: 404, headers: HEADERS });
  if (request.method !== "GET" && request.method !== "HEAD") {
    return new Response("Only GET\n", { status: 405, headers: { ...HEADERS, allow: "GET, HEAD" } });
  }
  return new Response(request.method === "HEAD" ? null : asset.body, {
    headers: { ...HEADERS, "content-type": asset.type },
  });
}

/** Where to listen, and who may log in. */
interface Options {
  readonly hostname: string;
  readonly port: number;
  readonly httpPort: number;
  readonly users: Record<string, string>;
}

/** Reads the options; undefined if help is wanted. */
function readOptions(): Options | undefined {
  const { values } = parseArgs({
    options: {
      host: { type: "string", default: "127.0.0.1" },
      port: { type: "string", default: "8787" },
      "http-port": { type: "string", default: "8080" },
      user: { type: "string", multiple: true, default: ["alice:tea", "bob:tea", "carol:tea"] },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  return {
    hostname: values.host,
    port: portOf(values.port),
    httpPort: portOf(values["http-port"]),
    users: Object.fromEntries(values.user.map((user) => {
      const [, name, password] = /^([^:]+):(.+)$/.exec(user) ?? [];
      if (name === undefined) throw new TypeError(`Cannot use user "${user}": give NAME:PASSWORD`);
      return [name, password!];
    })),
  };
}

function portOf(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port < 65536) return port;
  throw new RangeError(`Cannot use port "${text}": it is not a number from 0 to 65535`);
}

/** Serves until the process is asked to end. */
async function run({ hostname, port, httpPort, users }: Options): Promise<void> {
  const assets = await readAssets();
  const portal = new Portal(new Chat(), [new InMemoryUsernamePasswordDatabaseDontUse(users)]);
  const factory = new PBServerFactory(portal, {
    login: { limiter: new LoginThrottle() },
    maxConnections: 1000,
    // Do not wait for a client that does not read what the others say.
    limits: { maxBufferedBytes: 1024 * 1024 },
  });
  const server = serve(factory, { hostname, port });
  const http = Deno.serve(
    { hostname, port: httpPort, onListen() {} },
    (request, { remoteAddr }) =>
      new URL(request.url).pathname === "/chat"
        ? handleWebSocket(request, factory, { remoteAddr })
        : answer(request, assets),
  );
  closeOnSignals([server, factory]);
  console.log(`Python programs and terminals: ${server.url}`);
  console.log(`Browsers: http://${hostname}:${http.addr.port}/`);
  await http.finished;
}

try {
  const options = readOptions();
  if (options === undefined) console.log(USAGE);
  else await run(options);
} catch (error) {
  console.error(`${error instanceof Error ? error.message : error}\n\n${USAGE}`);
  Deno.exit(1);
}
