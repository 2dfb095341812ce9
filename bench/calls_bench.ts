/** Calls between two ends in this process; run with `deno task bench`. */

import {
  type Broker,
  Cacheable,
  callOptions,
  connect,
  connectPair,
  Copyable,
  InMemoryUsernamePasswordDatabaseDontUse,
  IPerspective,
  kwargs,
  noOperation,
  PBError,
  Portal,
  Referenceable,
  RemoteCache,
  type RemoteCacheObserver,
  RemoteCopy,
  type RemoteReference,
  Root,
  serve,
  setUnjellyableForClass,
  UsernamePassword,
} from "@perspective/broker";
import { Avatar } from "@perspective/broker/broker";
import { makePayload } from "./harness.ts";

class Item extends Referenceable {
  remote_next(): Item {
    return new Item();
  }
  remote_price(): number {
    return 1;
  }
}

class Point extends Copyable {
  static readonly jellyName = "bench.Point";
  x = 1;
  y = 2;
}
class RemotePoint extends RemoteCopy {
  declare readonly x: number;
  declare readonly y: number;
}
setUnjellyableForClass("bench.Point", RemotePoint);

class Score extends Cacheable {
  static readonly jellyName = "bench.Score";
  readonly #observers = new Set<RemoteCacheObserver>();

  override getStateToCacheAndObserveFor(_: object | null, observer: RemoteCacheObserver) {
    this.#observers.add(observer);
    return { points: 0 };
  }
  async set(points: number): Promise<void> {
    for (const observer of this.#observers) await observer.callRemote("points", points);
  }
}
class RemoteScore extends RemoteCache {
  points = 0;
  observe_points(points: number): void {
    this.points = points;
  }
}
setUnjellyableForClass("bench.Score", RemoteScore);

const score = new Score();

class Server extends Root {
  readonly #point = new Point();
  remote_echo(value: unknown): unknown {
    return value;
  }
  remote_later(value: unknown): Promise<unknown> {
    return Promise.resolve(value);
  }
  remote_sink(bytes: Uint8Array): number {
    return bytes.length;
  }
  remote_fail(): never {
    throw new PBError("on purpose");
  }
  remote_item(): Item {
    return new Item();
  }
  remote_point(): Point {
    return this.#point;
  }
  remote_score(): Score {
    return score;
  }
}

class User extends Avatar {
  perspective_echo(value: unknown): unknown {
    return value;
  }
}

const root = new Server();
const memory = await connectPair(root);
const tcpServer = serve(root, { url: "pb://127.0.0.1:0" });
const wsServer = serve(root, { url: "ws://127.0.0.1:0" });
const users = new InMemoryUsernamePasswordDatabaseDontUse({ user: "password" });
const realm = { requestAvatar: () => [IPerspective, new User(), () => {}] as const };
const portalServer = serve(new Portal(realm, [users]), { url: "pb://127.0.0.1:0" });

/** The same calls over each transport. */
const brokers: Record<string, Broker> = {
  memory: memory.client,
  TCP: await connect(tcpServer.url),
  WebSocket: await connect(wsServer.url),
};
const payload = makePayload();
const chunk = new Uint8Array(65_536);

for (const [name, broker] of Object.entries(brokers)) {
  const remote = broker.root<Server>();
  const baseline = name === "memory";
  Deno.bench(`one call, ${name}`, { group: "one call", baseline }, async () => {
    await remote.callRemote("echo", "0123456789");
  });
  Deno.bench(`64 calls at once, ${name}`, { group: "64 calls", baseline }, async () => {
    await Promise.all(Array.from({ length: 64 }, () => remote.callRemote("echo", "0123456789")));
  });
  Deno.bench(`100 records echoed, ${name}`, { group: "records", baseline }, async () => {
    await remote.callRemote("echo", payload);
  });
  Deno.bench(`64 KiB taken, ${name}`, { group: "bytes", baseline }, async () => {
    await remote.callRemote("sink", chunk);
  });
}

const remote: RemoteReference<Server> = memory.client.root<Server>();
const held = await remote.callRemote("item");
await remote.callRemote("score");

Deno.bench("plain", { group: "kinds of calls", baseline: true }, async () => {
  await remote.callRemote("echo", 1);
});
Deno.bench("by stub", { group: "kinds of calls" }, async () => {
  await remote.remote.echo(1);
});
Deno.bench("answered by a promise", { group: "kinds of calls" }, async () => {
  await remote.callRemote("later", 1);
});
Deno.bench("with keyword arguments", { group: "kinds of calls" }, async () => {
  await (remote as RemoteReference).callRemote("echo", 1, kwargs({ to: 2 }));
});
Deno.bench("with a time limit", { group: "kinds of calls" }, async () => {
  await remote.callRemote("echo", 1, callOptions({ timeout: 1000 }));
});
Deno.bench("that fails", { group: "kinds of calls" }, async () => {
  await remote.callRemote("fail").catch(noOperation);
});
Deno.bench("without an answer", { group: "kinds of calls" }, async () => {
  await remote.callRemote("echo", 1, callOptions({ answer: false }));
});

for (const [name, broker] of Object.entries(brokers)) {
  const remote = broker.root<Server>();
  const group = `item, next, price, ${name}`;
  Deno.bench(`each awaited, ${name}`, { group, baseline: true }, async () => {
    using item = await remote.callRemote("item");
    using next = await item.callRemote("next");
    await next.callRemote("price");
  });
  Deno.bench(`pipelined, ${name}`, { group }, async () => {
    using item = remote.pipeline("item");
    using next = item.pipeline("next");
    await next.callRemote("price");
  });
}

for (const [name, broker] of Object.entries(brokers)) {
  const remote = broker.root<Server>();
  const group = `one item for another, ${name}`;
  Deno.bench(`results awaited, ${name}`, { group, baseline: true }, async () => {
    using item = await remote.callRemote("item");
    await remote.callRemote("echo", await item.callRemote("price"));
  });
  Deno.bench(`results passed on, ${name}`, { group }, async () => {
    using item = remote.pipeline("item");
    await remote.callRemote("echo", item.pipeline("price"));
  });
}

Deno.bench("a number comes", { group: "kinds of results", baseline: true }, async () => {
  await remote.callRemote("echo", 1);
});
Deno.bench("a reference comes and is released", { group: "kinds of results" }, async () => {
  (await remote.callRemote("item")).release();
});
Deno.bench("a reference goes home and back", { group: "kinds of results" }, async () => {
  await remote.callRemote("echo", held);
});
Deno.bench("a copy comes", { group: "kinds of results" }, async () => {
  await remote.callRemote("point");
});
Deno.bench("a cache comes again", { group: "kinds of results" }, async () => {
  await remote.callRemote("score");
});
Deno.bench("a cache is told of a change", { group: "kinds of results" }, async () => {
  await score.set(1);
});

Deno.bench("connect and close, TCP", { group: "connections", baseline: true }, async () => {
  const broker = await connect(tcpServer.url);
  await broker.close();
});
Deno.bench("connect and close, WebSocket", { group: "connections" }, async () => {
  const broker = await connect(wsServer.url);
  await broker.close();
});
Deno.bench("connect, log in by MD5, close", { group: "connections" }, async () => {
  const broker = await connect(portalServer.url);
  await broker.login(new UsernamePassword("user", "password"), null, { mechanisms: ["MD5"] });
  await broker.close();
});
