/**
 * A service for Deno Deploy: `Deno.serve`, WebSockets and a portal. It needs no other sockets and
 * no flags, and keeps nothing that has to outlive the process.
 *
 *     deno task deno run --allow-net --allow-env examples/deploy.ts
 *
 * Anybody may log in as a guest; the environment variable `USERS`, such as `alice:tea bob:tea`,
 * says who may log in by name; `HOST` and `PORT` say where to listen. Clients use
 * `connect("ws://127.0.0.1:8000")`, or `wss://` and the host's name.
 */

import {
  AllowAnonymousAccess,
  Avatar,
  handleWebSocket,
  InMemoryUsernamePasswordDatabaseDontUse,
  IPerspective,
  PBError,
  PBServerFactory,
  Portal,
  Referenceable,
  type RemoteReference,
} from "@perspective/broker";

/** Milliseconds for calls under way to finish: the instance is stopped after five seconds. */
const GRACE = 4000;

/** What a client may pass to be told the time. */
export class Watch extends Referenceable {
  remote_tick(_left: number): void {}
}

/** What everybody who logs in gets. It belongs to one connection, and ends with it. */
export class Visitor extends Avatar {
  readonly #name: string;

  constructor(name: string) {
    super();
    this.#name = name;
  }

  perspective_whoami(): string {
    return this.#name;
  }

  /** Calls the client's object ten times a second, and answers after the last one. */
  async perspective_countDown(from: number, watch: RemoteReference<Watch>): Promise<string> {
    if (!(Number.isInteger(from) && from > 0 && from <= 100)) {
      throw new PBError("Count down from 1 to 100");
    }
    for (let left = from; left > 0; left--) {
      await watch.remote.tick(left);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return "lift-off";
  }
}

const USERS = Object.fromEntries(
  (Deno.env.get("USERS") ?? "").split(/\s+/).filter(Boolean).map((user) => {
    const [name, ...password] = user.split(":");
    return [name!, password.join(":")];
  }),
);

const portal = new Portal({
  requestAvatar: (id) => {
    const name = typeof id === "string" ? id : "guest";
    return [IPerspective, new Visitor(name), () => {}];
  },
}, [new AllowAnonymousAccess(), new InMemoryUsernamePasswordDatabaseDontUse(USERS)]);

const factory = new PBServerFactory(portal, { maxConnections: 1000 });

const http = Deno.serve(
  {
    hostname: Deno.env.get("HOST") ?? "0.0.0.0",
    port: Number(Deno.env.get("PORT") ?? 8000),
    onListen: ({ hostname, port }) => console.log(`Listening at http://${hostname}:${port}/`),
  },
  (request, { remoteAddr }) => {
    if (request.headers.get("upgrade")?.toLowerCase() === "websocket") {
      return handleWebSocket(request, factory, { remoteAddr });
    }
    return Response.json({ connections: factory.stats.connections });
  },
);

/** Lets calls finish, tells clients that the server is going away, and exits. */
async function drain(): Promise<void> {
  console.log("Closing");
  await factory.close({ graceful: GRACE });
  await http.shutdown();
  console.log("Closed");
  Deno.exit();
}

let draining: Promise<void> | undefined;
// Windows, where it may be tried out, has no SIGTERM.
const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
for (const signal of signals) {
  Deno.addSignalListener(signal, () => draining ??= drain());
}
