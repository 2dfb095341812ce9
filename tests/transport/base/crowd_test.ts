import { assertEquals } from "@std/assert";
import { Crowd, hostOf } from "../../../transport/base/crowd.ts";

/** Fills a crowd with one member from each address, and returns the order in which they are taken. */
function taken(...addresses: string[]): string[] {
  const crowd = new Crowd<{ host: string; address: string }>();
  for (const address of addresses) crowd.add({ host: hostOf(address), address });
  assertEquals(crowd.size, addresses.length);
  const order: string[] = [];
  for (let one = crowd.takeOne(); one !== undefined; one = crowd.takeOne()) order.push(one.address);
  assertEquals(crowd.size, 0);
  return order;
}

Deno.test("Crowd.takeOne() takes the oldest member of the place with most members", () => {
  assertEquals(taken("192.0.2.1:1", "192.0.2.2:1", "192.0.2.2:2", "192.0.2.2:3"), [
    "192.0.2.2:1",
    "192.0.2.2:2",
    "192.0.2.1:1",
    "192.0.2.2:3",
  ]);
});

const TOGETHER = [
  ["[2001:db8::1]:1", "[2001:db8::ffff:1:2:3]:2"],
  ["[2001:db8:1:2::]:1", "[2001:db8:1:2:3:4:5:6]:2"],
  ["[2001::5:a:b:c:d]:1", "[2001:0:0:5::1]:2"],
  ["[::1]:1", "[::2]:2"],
  ["[fe80::1%2]:1", "[fe80::2%2]:2"],
];
for (const [one, other] of TOGETHER) {
  Deno.test(`Crowd counts ${one} and ${other} as one place`, () => {
    assertEquals(taken("192.0.2.1:1", one!, other!)[0], one);
  });
}

const APART = [
  ["[2001:db8:0:1::1]:1", "[2001:db8:0:2::1]:1"],
  ["[2001::5:a:b:c:d]:1", "[2001::6:a:b:c:d]:1"],
  ["[::ffff:192.0.2.1]:1", "[::ffff:192.0.2.2]:1"],
  ["192.0.2.1:1", "192.0.2.2:1"],
  ["/run/pb.sock", ""],
  ["user:a:b:c:d:e", "user:a:b:c:d:f"],
  ["tenant::x", "tenant::y"],
  ["a:b:c:d:e:f", "a:b:c:d:e:0"],
];
for (const [one, other] of APART) {
  Deno.test(`Crowd counts "${one}" and "${other}" as two places`, () => {
    // With two places no place has most members, so the first of all is taken.
    assertEquals(taken("192.0.2.9:1", one!, other!)[0], "192.0.2.9:1");
  });
}

Deno.test("Crowd.delete() removes a member, and ignores others", () => {
  const crowd = new Crowd();
  const one = { host: "2001:db8::1" };
  crowd.add(one);
  crowd.delete({ host: "2001:db8::2" });
  crowd.delete({ host: "192.0.2.1" });
  assertEquals([...crowd], [one]);
  crowd.delete(one);
  crowd.delete(one);
  assertEquals(crowd.size, 0);
  assertEquals(crowd.takeOne(), undefined);
});
