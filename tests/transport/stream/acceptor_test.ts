import { assert, assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { AcceptError } from "@perspective/broker/transport";
import { TcpAcceptor } from "../../../transport/stream/acceptor.ts";

/** A listening socket that throws the given faults before it accepts connections. */
function troubled(faults: Error[]): Deno.TcpListener {
  const conn = {
    remoteAddr: { hostname: "192.0.2.1", port: 1 },
    setNoDelay() {},
    close() {},
  };
  return {
    accept() {
      const fault = faults.shift();
      return fault === undefined ? Promise.resolve(conn) : Promise.reject(fault);
    },
    close() {},
  } as unknown as Deno.TcpListener;
}

Deno.test("TcpAcceptor.accept() reports successive faults once, and keeps accepting", async () => {
  using time = new FakeTime();
  const fault = new Error("Too many open files (os error 24)");
  const told: AcceptError[] = [];
  const acceptor = new TcpAcceptor(troubled([fault, fault]), {
    onAcceptError(error) {
      told.push(error);
      throw new Error("a bad callback");
    },
  });
  const accepting = acceptor.accept();
  for (let pauses = 2; pauses > 0; pauses--) await time.tickAsync(100);
  assertEquals((await accepting)?.peer.address, "192.0.2.1:1");
  const [error] = told;
  assert(error instanceof AcceptError);
  assertEquals(error.message, "Cannot accept connections: too many open files; trying again");
  assertEquals(error.cause, fault);
  assertEquals(told.length, 1);
  acceptor.close();
});

Deno.test("TcpAcceptor.accept() does not report connections that ended before they were accepted", async () => {
  const gone = new Deno.errors.ConnectionAborted("Software caused connection abort");
  const told: AcceptError[] = [];
  const acceptor = new TcpAcceptor(troubled([gone]), {
    onAcceptError: (error) => told.push(error),
  });
  assertEquals((await acceptor.accept())?.peer.address, "192.0.2.1:1");
  assertEquals(told, []);
  acceptor.close();
});
