/**
 * Two guests and one book: each guest has their own view of it.
 *
 *     deno task deno run -A examples/views_client.ts --port 8787
 *
 * The server may be `views_server.ts`, or Python: `python3 examples/python/views_server.py`.
 */

import { connect, PBError, RemoteReference, UsernamePassword } from "@perspective/broker";
import { type Place, runAt } from "./place.ts";

/** Logs in, and returns the guest's view of the book. */
async function bookOf(name: string, { hostname, port }: Place) {
  const broker = await connect(`pb://${hostname}:${port}`);
  const guest = await broker.login(new UsernamePassword(name, "secret"));
  const book = await guest.callRemote("book");
  if (!(book instanceof RemoteReference)) throw new TypeError("The server has no book");
  return { book, [Symbol.asyncDispose]: () => broker.close() };
}

async function visit(place: Place): Promise<void> {
  await using alice = await bookOf("alice", place);
  await using bob = await bookOf("bob", place);
  await alice.book.callRemote("write", "A lovely house!");
  const note = await bob.book.callRemote("write", "The tea is cold.");
  console.log("alice reads", await alice.book.callRemote("read"));
  console.log("bob reads", await bob.book.callRemote("read"));
  try {
    await alice.book.callRemote("erase", note);
  } catch (error) {
    if (!(error instanceof PBError)) throw error;
    console.log("alice cannot erase:", error.message);
  }
  await bob.book.callRemote("erase", note);
  console.log("bob reads", await bob.book.callRemote("read"));
}

await runAt(
  `Two guests and one book, which they see with their own eyes.

Usage: views_client.ts [--host HOST] [--port PORT]
`,
  visit,
);
