import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  AsReferenceable,
  Avatar,
  type Broker,
  IPerspective,
  type Kwargs,
  kwargs,
  NoSuchMethod,
  Referenceable,
  type RemoteReference,
  Root,
  Viewable,
  ViewPoint,
} from "@perspective/broker/broker";
import {
  type AvatarId,
  InMemoryUsernamePasswordDatabaseDontUse,
  Portal,
  UsernamePassword,
} from "@perspective/broker/cred";
import { settle, type TestPair, testPair } from "../pair.ts";

class Page extends Viewable {
  view_who(user: Member | null): unknown {
    return user?.name ?? "nobody";
  }
  view_add(user: Member, a: number, by: Kwargs<{ to?: number }> = kwargs({})): unknown {
    return [user.name, a + (by.to ?? 0)];
  }
  view_self(_user: Member): unknown {
    return this;
  }
  view_isSelf(user: Member, view: unknown): unknown {
    return view instanceof ViewPoint && view.object === this && view.perspective === user;
  }
}

const page = new Page();

class Member extends Avatar {
  constructor(readonly name: string) {
    super();
  }
  perspective_page(): Page {
    return page;
  }
  perspective_pages(): unknown {
    return [page, new ViewPoint(this, page), new ViewPoint(null, page), new ViewPoint(null, page)];
  }
  perspective_me(): Member {
    return this;
  }
  perspective_isMe(avatar: unknown): boolean {
    return avatar instanceof AsReferenceable && avatar.object === this;
  }
  perspective_show(to: RemoteReference): Promise<unknown> {
    return to.callRemote("shown", page);
  }
}

/** Makes a portal for alice and bob, and a list of users who have logged out. */
function portal(avatarFor: (id: string) => IPerspective = (id) => new Member(id)) {
  const left: string[] = [];
  const realm = {
    requestAvatar: (id: AvatarId) =>
      [IPerspective, avatarFor(id as string), () => void left.push(id as string)] as const,
  };
  const users = { alice: "secret", bob: "secret" };
  return { root: new Portal(realm, [new InMemoryUsernamePasswordDatabaseDontUse(users)]), left };
}

function login({ client }: TestPair, name: string): Promise<RemoteReference> {
  return client.login(new UsernamePassword(name, "secret"));
}

Deno.test("Viewable passes the caller's perspective to its view_ methods, before the arguments", async () => {
  const { root } = portal();
  await using pair = await testPair(root);
  const views: RemoteReference[] = [];
  for (const name of ["alice", "bob"]) {
    const member = await login(pair, name);
    const view = await member.callRemote("page") as RemoteReference;
    views.push(view);
    assertEquals(await view.callRemote("who"), name);
    assertEquals(await view.callRemote("add", 1, kwargs({ to: 2 })), [name, 3]);
    // Views that a view returns or receives have the same perspective.
    assertStrictEquals(await view.callRemote("self"), view);
    assertEquals(await view.callRemote("isSelf", view), true);
  }
  assert(views[0] !== views[1]);
  assertEquals(await views[0]!.callRemote("isSelf", views[1]!), false);
  await assertRejects(() => views[0]!.callRemote("nothing"), NoSuchMethod, "view_nothing");
  await assertRejects(() => views[0]!.callRemote("__proto__"), NoSuchMethod);
});

Deno.test("ViewPoint is one reference for each perspective and object, however it was made", async () => {
  const { root } = portal();
  await using pair = await testPair(root);
  const member = await login(pair, "alice");
  const [mine, same, nobodys, again] = await member.callRemote("pages") as RemoteReference[];
  assertStrictEquals(mine, same);
  assertStrictEquals(nobodys, again);
  assert(mine !== nobodys);
  assertEquals(await nobodys!.callRemote("who"), "nobody");
  const { localObjects } = pair.server.counts;
  mine!.release();
  nobodys!.release();
  await settle();
  assertEquals(pair.server.counts.localObjects, localObjects - 2);
});

Deno.test("Viewable has no perspective when an object without one returns it", async () => {
  class Open extends Root {
    remote_page(): Page {
      return page;
    }
  }
  await using pair = await testPair(new Open());
  const view = await pair.client.root().callRemote("page") as RemoteReference;
  assertEquals(await view.callRemote("who"), "nobody");
});

Deno.test("Viewable sent in a call of a user's reference has the user's perspective", async () => {
  class Screen extends Referenceable {
    view: RemoteReference | undefined;
    remote_shown(view: RemoteReference): Promise<unknown> {
      this.view = view;
      return view.callRemote("who");
    }
  }
  const { root } = portal();
  await using pair = await testPair(root);
  const member = await login(pair, "alice");
  const screen = new Screen();
  assertEquals(await member.callRemote("show", screen), "alice");
  assertStrictEquals(screen.view, await member.callRemote("page"));
});

Deno.test("Avatar that its own method returns is the reference of its login", async () => {
  const { root, left } = portal();
  await using pair = await testPair(root);
  const member = await login(pair, "alice");
  assertStrictEquals(await member.callRemote("me"), member);
  assertEquals(await member.callRemote("isMe", member), true);
  member.release();
  await settle();
  assertEquals(left, ["alice"]);
  assertEquals(pair.server.counts.localObjects, 1);
});

Deno.test("Avatar without a login is sent as a reference", async () => {
  const guest = new Member("guest");
  class Open extends Root {
    remote_guest(): Member {
      return guest;
    }
  }
  await using pair = await testPair(new Open());
  const avatar = await pair.client.root().callRemote("guest") as RemoteReference;
  assertStrictEquals(await pair.client.root().callRemote("guest"), avatar);
  const view = await avatar.callRemote("page") as RemoteReference;
  assertEquals(await view.callRemote("who"), "guest");
});

Deno.test("[Broker logoutAfterDecref] release of the last reference to an avatar logs out, and the connection stays open", async () => {
  const { root, left } = portal();
  await using pair = await testPair(root);
  const [alice, bob] = [await login(pair, "alice"), await login(pair, "bob")];
  alice!.release();
  await settle();
  assertEquals(left, ["alice"]);
  assertEquals(await bob!.callRemote("isMe", bob), true);
  await pair.client.close();
  await pair.server.closed;
  assertEquals(left, ["alice", "bob"]);
});

Deno.test("IPerspective with only perspectiveMessageReceived() is the perspective of the views it returns", async () => {
  class Plain implements IPerspective {
    readonly name = "plain";
    perspectiveMessageReceived(
      _broker: Broker,
      message: string,
      args: unknown[],
      kw: Kwargs | undefined,
    ): unknown {
      return message === "page" ? page : [message, args, kw?.key];
    }
  }
  const { root } = portal(() => new Plain());
  await using pair = await testPair(root);
  const avatar = await login(pair, "alice");
  assertEquals(await avatar.callRemote("x", 1, kwargs({ key: 2 })), ["x", [1], 2]);
  const view = await avatar.callRemote("page") as RemoteReference;
  assertEquals(await view.callRemote("who"), "plain");
});

Deno.test("AsReferenceable directs calls to a message method of another name", async () => {
  class Target {
    otherMessageReceived(_broker: Broker, message: string, args: unknown[]): unknown {
      return [message, ...args];
    }
  }
  class Open extends Root {
    remote_target(): unknown {
      return new AsReferenceable(new Target(), "other");
    }
    remote_again(): unknown {
      return new AsReferenceable(new Root());
    }
  }
  await using pair = await testPair(new Open());
  const target = await pair.client.root().callRemote("target") as RemoteReference;
  assertEquals(await target.callRemote("anything", 1), ["anything", 1]);
  // Each AsReferenceable is a new reference.
  assert(await pair.client.root().callRemote("target") !== target);
  const again = await pair.client.root().callRemote("again") as RemoteReference;
  await assertRejects(() => again.callRemote("x"), NoSuchMethod, "remote_x");
  assertThrows(() => new AsReferenceable(new Target()), TypeError, "remoteMessageReceived");
});

Deno.test("[Broker observe] RemoteReference that arrives again is the object that was kept", async () => {
  class Subject extends Root {
    readonly observers = new Set<RemoteReference>();
    remote_observe(observer: RemoteReference): void {
      this.observers.add(observer);
    }
    remote_unobserve(observer: RemoteReference): boolean {
      return this.observers.delete(observer);
    }
    async remote_notify(what: unknown): Promise<void> {
      for (const observer of this.observers) await observer.callRemote("notify", what);
    }
  }
  class Observer extends Referenceable {
    readonly heard: unknown[] = [];
    remote_notify(what: unknown): void {
      this.heard.push(what);
    }
  }
  await using pair = await testPair(new Subject());
  const root = pair.client.root();
  const observer = new Observer();
  await root.callRemote("observe", observer);
  await root.callRemote("notify", 1);
  assertEquals(await root.callRemote("unobserve", observer), true);
  await root.callRemote("notify", 2);
  assertEquals(observer.heard, [1]);
});

Deno.test("RemoteReference is one object for each perspective, and equals() compares across them", async () => {
  const minds: unknown[] = [];
  const shown: RemoteReference[] = [];
  class Host extends Member {
    override perspective_show(to: RemoteReference): Promise<unknown> {
      shown.push(to);
      return super.perspective_show(to);
    }
    perspective_showMind(): Promise<unknown> {
      return (minds[0] as RemoteReference).callRemote("shown", page);
    }
  }
  class Screen extends Referenceable {
    async remote_shown(view: RemoteReference): Promise<unknown> {
      using seen = view;
      return await seen.callRemote("who");
    }
  }
  const realm = {
    requestAvatar(id: AvatarId, mind: unknown) {
      minds.push(mind);
      return [IPerspective, new Host(id as string), () => {}] as const;
    },
  };
  const users = { alice: "secret", bob: "secret" };
  const root = new Portal(realm, [new InMemoryUsernamePasswordDatabaseDontUse(users)]);
  await using pair = await testPair(root);
  const screen = new Screen();
  // As recorded from Twisted: alice's mind has no perspective, as it comes before she is logged in.
  const alice = await pair.client.login(new UsernamePassword("alice", "secret"), screen);
  const bob = await login(pair, "bob");
  for (let i = 0; i < 2; i++) {
    assertEquals(await alice.callRemote("show", screen), "alice");
    assertEquals(await bob.callRemote("show", screen), "bob");
    assertEquals(await alice.callRemote("showMind"), "nobody");
  }
  const [forAlice, forBob, ...again] = shown as [
    RemoteReference,
    RemoteReference,
    ...RemoteReference[],
  ];
  assertStrictEquals(again[0], forAlice);
  assertStrictEquals(again[1], forBob);
  const references = [minds[0], forAlice, forBob] as RemoteReference[];
  assertEquals(new Set(references).size, 3);
  for (const reference of references) {
    assert(reference.equals(forAlice));
    assert(reference.remoteMethod("x").equals(forAlice.remoteMethod("x")));
    assert(!reference.remoteMethod("x").equals(forAlice.remoteMethod("y")));
    assert(!reference.equals(alice));
    assertEquals(reference.luid, forAlice.luid);
  }
  assertEquals(pair.server.counts.remoteObjects, 3);
  assertEquals(pair.client.counts.localObjects, 1);
  for (const reference of references) reference.release();
  await settle();
  assertEquals(pair.server.counts.remoteObjects, 0);
  assertEquals(pair.client.counts.localObjects, 0);
});

Deno.test("RemoteReference in an argument has the caller's perspective, not that of the called object", async () => {
  let caller: unknown;
  class Desk extends Referenceable {
    override readonly perspective = new Member("alice");
    remote_take(reference: RemoteReference): Page {
      caller = reference.perspective;
      reference.release();
      return page;
    }
  }
  class Lobby extends Root {
    remote_desk(): Desk {
      return new Desk();
    }
  }
  await using pair = await testPair(new Lobby());
  const desk = await pair.client.root<Lobby>().callRemote("desk");
  const view = await desk.callRemote("take", new Referenceable() as never) as RemoteReference;
  assertEquals(caller, null);
  assertEquals(await view.callRemote("who"), "alice");
});

Deno.test("answers are read on nobody's behalf, whoever has called", async () => {
  const seen: unknown[] = [];
  class Asking extends Member {
    async perspective_ask(to: RemoteReference): Promise<void> {
      using thing = await to.callRemote("thing") as RemoteReference;
      seen.push(to.perspective === this, thing.perspective);
    }
  }
  class Mind extends Referenceable {
    remote_thing(): Referenceable {
      return new Referenceable();
    }
  }
  const { root } = portal((id) => new Asking(id));
  await using pair = await testPair(root);
  const member = await login(pair, "alice");
  await member.callRemote("ask", new Mind());
  assertEquals(seen, [true, null]);
});
