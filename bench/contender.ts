/**
 * This library as a contender of the peer benchmark (bench/README.md).
 *
 * @module
 */

import {
  Avatar,
  connect,
  InMemoryUsernamePasswordDatabaseDontUse,
  IPerspective,
  Portal,
  Root,
  serve,
  UsernamePassword,
} from "@perspective/broker";
import { type BenchOptions, play } from "./harness.ts";

class Bench extends Root {
  remote_echo(value: unknown): unknown {
    return value;
  }
  remote_sink(bytes: Uint8Array): number {
    return bytes.length;
  }
}

class User extends Avatar {
  perspective_echo(value: unknown): unknown {
    return value;
  }
}

/** The server's URL, also the one that it listens at; `--transport` is `tcp` or `ws`. */
function url({ transport, port }: BenchOptions): string {
  return `${transport === "tcp" ? "pb" : transport}://127.0.0.1:${port}`;
}

await play({
  serve(options) {
    const users = new InMemoryUsernamePasswordDatabaseDontUse({ user: "password" });
    const realm = { requestAvatar: () => [IPerspective, new User(), () => {}] as const };
    const root = options.mode.startsWith("login") ? new Portal(realm, [users]) : new Bench();
    const { addr } = serve(root, { url: url(options) });
    return addr.transport === "tcp" ? addr.port : 0;
  },
  async connect(options) {
    const broker = await connect(url(options));
    const root = broker.root<Bench>();
    return {
      echo: (text) => root.callRemote("echo", text),
      echoPayload: (payload) => root.callRemote("echo", payload),
      sink: (bytes) => root.callRemote("sink", bytes),
      close: () => broker.close(),
    };
  },
  async login(options) {
    const broker = await connect(url(options));
    // By an MD5 challenge, as Twisted's clients do.
    await broker.login(new UsernamePassword("user", "password"), null, { mechanisms: ["MD5"] });
    await broker.close();
  },
});
