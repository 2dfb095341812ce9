// Replays recorded conversations with our server in place of Twisted's.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { stub } from "@std/testing/mock";
import type { Broker, BrokerOptions, ServerRoot } from "@perspective/broker/broker";
import type { Sexp } from "@perspective/broker/jelly";
import { conversation, type Message } from "../../vectors/load.ts";
import { failureIn, rawClient } from "../raw_peer.ts";
import { Counter, guarded, play, Service } from "../scenarios.ts";

interface Case {
  name: string;
  root?: () => ServerRoot;
  options?: BrokerOptions;
  setUp?: (broker: Broker) => void;
}

const CASES: Case[] = [
  { name: "negotiation" },
  { name: "negotiation_none" },
  { name: "negotiation_unknown" },
  { name: "echo" },
  { name: "keywords" },
  { name: "shared_argument" },
  { name: "no_answer" },
  { name: "answers_in_reverse" },
  { name: "errors" },
  { name: "error_with_traceback", options: { unsafeTracebacks: true } },
  { name: "no_such_method" },
  { name: "no_such_object" },
  {
    name: "named_object",
    setUp: (broker) => broker.setNameForLocal("counter", new Counter(5)),
  },
  { name: "reference_called_back" },
  { name: "reference_held_and_released" },
  { name: "reference_sent_home" },
  { name: "reference_twice" },
  { name: "reference_twice_in_one_message" },
  { name: "reference_that_fails" },
  { name: "login_with_mind", root: () => guarded() },
  { name: "login_calls_mind", root: () => guarded({ callsMind: true }) },
  { name: "login_wrong_password", root: () => guarded() },
  { name: "login_unknown_user", root: () => guarded() },
  { name: "login_anonymous", root: () => guarded({ anonymous: true }) },
];

for (const { name, root = () => new Service(), options, setUp } of CASES) {
  Deno.test(`Broker of a server sends the same bytes as Twisted's server in conversation ${name}`, async () => {
    using _random = recordedChallenge(name);
    await using pair = await rawClient(root(), { hello: false, ...options });
    await pair.peer.hear();
    setUp?.(pair.broker);
    await play(name, "client", pair.peer);
  });
}

/** Makes the random bytes of a login the recorded ones. */
function recordedChallenge(name: string): Disposable {
  const real = crypto.getRandomValues.bind(crypto);
  const challenge = conversation(name).messages.map(challengeIn).find(Boolean);
  return stub(crypto, "getRandomValues", (array) => {
    if (challenge === undefined || !(array instanceof Uint8Array)) return real(array);
    array.set(challenge);
    return array;
  });
}

/** The challenge in the answer to a login. */
function challengeIn(message: Message): Uint8Array | undefined {
  const sexp: Sexp = message.closed === undefined ? message.sexp : [];
  const [, , value] = Array.isArray(sexp) ? sexp : [];
  const [, challenge] = Array.isArray(value) ? value : [];
  return challenge instanceof Uint8Array && challenge.length === 16 ? challenge : undefined;
}

/** The last message of the client. */
function lastCall(name: string): Uint8Array {
  const said = conversation(name).messages.filter((message) =>
    message.from === "client" && message.closed === undefined
  );
  return (said.at(-1) as { wire: Uint8Array }).wire;
}

// Conversations in which our server differs from Twisted's on purpose.

Deno.test("Broker of a server refuses an anonymous login in conversation login_anonymous_refused", async () => {
  await using pair = await rawClient(guarded());
  const fields = failureIn(await pair.peer.ask(lastCall("login_anonymous_refused")));
  assertEquals(fields.type, "twisted.cred.error.UnhandledCredentials");
  assertEquals(fields.value, "No checker for twisted.cred.credentials.IAnonymous");
});

Deno.test("Broker of a server answers a result over the limit with an error in conversation too_large_answer", async () => {
  await using pair = await rawClient(new Service());
  const fields = failureIn(await pair.peer.ask(lastCall("too_large_answer")));
  assertStringIncludes(fields.value as string, "maxStringBytes");
  const echo = ["message", 2, "root", "echo", 1, ["tuple", 1], ["dictionary"]];
  assertEquals(await pair.peer.ask(echo), ["answer", 2, 1]);
});

Deno.test("Broker of a server answers didNotUnderstand in conversation unknown_command", async () => {
  await using pair = await rawClient(new Service());
  const answer = await pair.peer.ask(lastCall("unknown_command"));
  assertEquals(answer, ["didNotUnderstand", "frobnicate"]);
  assertEquals(pair.broker.isClosed, false);
});
