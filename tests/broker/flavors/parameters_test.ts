import { assertEquals, assertRejects } from "@std/assert";
import {
  kwargs,
  type ParameterNames,
  PARAMETERS,
  RemoteError,
  type RemoteReference,
  Root,
  Viewable,
} from "@perspective/broker/broker";
import { testPair } from "../pair.ts";

class Account extends Viewable {
  get [PARAMETERS](): ParameterNames {
    return { view_take: ["user", "amount"] };
  }
  view_take(user: object | null, amount: number): unknown[] {
    return [user, amount];
  }
}

class Bank extends Root {
  get [PARAMETERS](): ParameterNames {
    return { remote_move: ["amount", "to", "note"] };
  }
  remote_move(...args: [amount?: unknown, to?: unknown, note?: unknown]): unknown[] {
    const [amount, to = "savings", note = "none"] = args;
    return [amount, to, note, args.length];
  }
  remote_other(...args: unknown[]): number {
    return args.length;
  }
  remote_account(): Account {
    return new Account();
  }
}

const PLACED = [
  { args: [1], arrive: [1, "savings", "none", 1] },
  { args: [1, kwargs({ to: 2 })], arrive: [1, 2, "none", 2] },
  { args: [1, kwargs({ note: 3 })], arrive: [1, "savings", 3, 3] },
  { args: [kwargs({ note: 3, amount: 1 })], arrive: [1, "savings", 3, 3] },
  { args: [kwargs({ to: null })], arrive: [null, null, "none", 2] },
];

for (const { args, arrive } of PLACED) {
  Deno.test(`PARAMETERS pass ${Deno.inspect(args)} to the right parameters`, async () => {
    await using pair = await testPair(new Bank());
    assertEquals(await pair.client.root().callRemote("move", ...args), arrive);
  });
}

const MISPLACED = [
  { args: [1, kwargs({ from: 2 })], fact: 'remote_move() has no parameter "from"' },
  { args: [kwargs({ constructor: 2 })], fact: 'remote_move() has no parameter "constructor"' },
  { args: [1, kwargs({ amount: 2 })], fact: 'remote_move() got "amount" twice' },
];

for (const { args, fact } of MISPLACED) {
  Deno.test(`PARAMETERS refuse ${Deno.inspect(args)}, as Python does`, async () => {
    await using pair = await testPair(new Bank());
    const call = () => pair.client.root().callRemote("move", ...args);
    const error = await assertRejects(call, RemoteError);
    assertEquals([error.remoteType, error.message], ["builtins.TypeError", fact]);
  });
}

Deno.test("PARAMETERS do not affect methods that they do not name", async () => {
  await using pair = await testPair(new Bank());
  assertEquals(await pair.client.root().callRemote("other", 1, kwargs({ to: 2 })), 2);
});

Deno.test("PARAMETERS of a view begin with the perspective, which a peer cannot pass", async () => {
  await using pair = await testPair(new Bank());
  const account = await pair.client.root().callRemote("account") as RemoteReference;
  assertEquals(await account.callRemote("take", kwargs({ amount: 5 })), [null, 5]);
  const forged = () => account.callRemote("take", kwargs({ user: "somebody else" }));
  await assertRejects(forged, RemoteError, 'view_take() got "user" twice');
});
