import { assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import type { Dialed, HandshakeError } from "@perspective/broker/transport";
import type { Acceptor } from "../../../transport/stream/acceptor.ts";
import { HandshakeAcceptor } from "../../../transport/websocket/handshake_acceptor.ts";

/** A connection that records when it is closed. */
function connection(name: string, closed: string[]): Dialed {
  return {
    transport: {
      read: () => Promise.resolve(null),
      write: (bytes) => Promise.resolve(bytes.length),
      close: () => void closed.push(name),
    },
    peer: { kind: "tcp", address: name, secure: false },
  };
}

/** An acceptor that yields the given connections, then waits until it is closed. */
function sourceOf(...dialed: Dialed[]): Acceptor {
  const end = Promise.withResolvers<null>();
  return {
    accept: () => {
      const next = dialed.shift();
      return next === undefined ? end.promise : Promise.resolve(next);
    },
    close: () => end.resolve(null),
  };
}

Deno.test("HandshakeAcceptor closes a connection whose handshake takes too long, and its late result", async () => {
  using time = new FakeTime();
  const closed: string[] = [];
  const errors: HandshakeError[] = [];
  const late = Promise.withResolvers<Dialed>();
  const acceptor = new HandshakeAcceptor(
    sourceOf(connection("slow", closed), connection("quick", closed)),
    (dialed) => dialed.peer.address === "slow" ? late.promise : Promise.resolve(dialed),
    { handshakeTimeout: 50, onHandshakeError: (error) => errors.push(error) },
  );
  assertEquals((await acceptor.accept())?.peer.address, "quick");
  await time.tickAsync(49);
  assertEquals(closed, []);
  await time.tickAsync(1);
  assertEquals(closed, ["slow"]);
  late.resolve(connection("inside of slow", closed));
  await time.runMicrotasks();
  assertEquals(new Set(closed), new Set(["slow", "inside of slow"]));
  assertEquals(errors.map(({ message }) => message), [
    'Cannot accept connection from "slow": no answer within 50 ms',
  ]);
  acceptor.close();
  assertEquals(await acceptor.accept(), null);
});

Deno.test("HandshakeAcceptor.close() ends handshakes without reporting their failure", async () => {
  const closed: string[] = [];
  const handshake = Promise.withResolvers<Dialed>();
  const acceptor = new HandshakeAcceptor(
    sourceOf(connection("one", closed)),
    () => handshake.promise,
    { onHandshakeError: (error) => closed.push(error.message) },
  );
  const accepted = acceptor.accept();
  // Waits until the connection is taken from the source.
  await new Promise((resolve) => setTimeout(resolve, 0));
  acceptor.close();
  handshake.reject(new Error("connection closed"));
  assertEquals(await accepted, null);
  await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals(new Set(closed), new Set(["one"]));
});

Deno.test("HandshakeAcceptor drops a handshake of the address with most of them when places run out", async () => {
  const closed: string[] = [];
  const slow = Promise.withResolvers<Dialed>();
  const names = ["192.0.2.1:1", "[2001:db8::1]:1", "[2001:db8::1]:2", "[2001:db8::1]:3"];
  const patient = connection(names[0]!, closed);
  const silent = Promise.withResolvers<Dialed>();
  const acceptor = new HandshakeAcceptor(
    sourceOf(patient, ...names.slice(1).map((name) => connection(name, closed))),
    (dialed) => dialed === patient ? slow.promise : silent.promise,
    { maxHandshakes: 3 },
  );
  const accepted = acceptor.accept();
  // Each turn of the acceptor takes several turns of the event loop.
  for (let left = 10; left > 0 && closed.length === 0; left--) {
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  assertEquals(closed, ["[2001:db8::1]:1"]);
  slow.resolve(patient);
  assertEquals((await accepted)?.peer.address, names[0]);
  acceptor.close();
  silent.reject(new Error("connection closed"));
  await new Promise((resolve) => setTimeout(resolve, 0));
});
