import { assertEquals, assertFalse, assertThrows } from "@std/assert";
import { parseUrl, type PBUrl } from "@perspective/broker/transport";

const plain = { objectName: "root", path: "", username: undefined, password: undefined };

const GOOD: { url: string; parts: Partial<PBUrl> }[] = [
  {
    url: "pb://example.org",
    parts: {
      ...plain,
      scheme: "pb",
      hostname: "example.org",
      port: 8787,
      secure: false,
      href: "pb://example.org:8787",
    },
  },
  { url: "pb://Example.ORG/", parts: { hostname: "example.org", objectName: "root" } },
  { url: "pb://h:80/chat%20room", parts: { port: 80, objectName: "chat room" } },
  { url: "pb://h:443", parts: { port: 443 } },
  { url: "pb://h:0", parts: { port: 0 } },
  { url: "pb://h/a/b", parts: { objectName: "a/b" } },
  { url: "pb://127.1", parts: { hostname: "127.0.0.1" } },
  { url: "pb://bücher.example", parts: { hostname: "xn--bcher-kva.example" } },
  {
    url: "pbs://[::1]:99/x",
    parts: { scheme: "pbs", hostname: "::1", port: 99, secure: true, href: "pbs://[::1]:99/x" },
  },
  {
    url: "pb://al%40ice:s%3Acr%2Ft@h",
    parts: { username: "al@ice", password: "s:cr/t", href: "pb://h:8787" },
  },
  { url: "pb://alice@h", parts: { username: "alice", password: "" } },
  { url: "pb://alice:p@ss@h", parts: { username: "alice", password: "p@ss", hostname: "h" } },
  {
    url: "pb+unix:///run/a%20b.sock#chat",
    parts: {
      ...plain,
      scheme: "pb+unix",
      path: "/run/a b.sock",
      objectName: "chat",
      hostname: "",
      port: 0,
      href: "pb+unix:///run/a%20b.sock#chat",
    },
  },
  { url: "pb+unix:/run/x", parts: { path: "/run/x", objectName: "root" } },
  {
    url: "pb+unix://alice:secret@localhost/run/x",
    parts: { path: "/run/x", username: "alice", password: "secret", href: "pb+unix:///run/x" },
  },
  {
    url: "ws://alice:secret@h/p?q=1#chat",
    parts: {
      scheme: "ws",
      port: 80,
      path: "/p?q=1",
      objectName: "chat",
      username: "alice",
      password: "secret",
      secure: false,
      href: "ws://h:80/p?q=1#chat",
    },
  },
  { url: "wss://h", parts: { port: 443, path: "/", secure: true, objectName: "root" } },
];

for (const { url, parts } of GOOD) {
  Deno.test(`parseUrl() parses "${url}"`, () => {
    const parsed = parseUrl(url);
    assertEquals({ ...parsed, ...parts }, parsed);
    assertEquals(parseUrl(new URL(url)), parsed);
  });
}

const BAD: { url: string; message: string }[] = [
  { url: "", message: "not a URL" },
  { url: "localhost:8787", message: "scheme must be one of pb: pbs: pb+unix: ws: wss:" },
  { url: "http://h", message: "scheme must be one of" },
  { url: "pb:h", message: "the host is missing" },
  { url: "pb:///root", message: "the host is missing" },
  { url: "pb://h:99999", message: "not a URL" },
  { url: "pb://h%2Fx", message: "not a host name" },
  { url: "pb://good%40evil", message: "not a host name" },
  { url: "pb://h%3A80", message: "not a host name" },
  { url: "pb://good%5Cevil", message: "not a host name" },
  { url: "pb://h?x", message: "a query is not allowed here" },
  { url: "pb://h#x", message: "the object's name belongs in the path" },
  { url: "pb://h/%ff", message: "the path is not percent-encoded UTF-8" },
  { url: "ws://h/#%ff", message: "the fragment is not percent-encoded UTF-8" },
  { url: "pb+unix:", message: "the path of the socket is missing" },
  { url: "pb+unix:///", message: "the path of the socket is missing" },
  { url: "pb+unix:run/x", message: "the path of the socket is missing" },
  { url: "pb+unix://h/x", message: "a Unix socket has no host" },
  { url: "pb+unix:///x?y", message: "a query is not allowed here" },
];

for (const { url, message } of BAD) {
  Deno.test(`parseUrl() refuses "${url}"`, () => {
    const error = assertThrows(() => parseUrl(url), TypeError, message);
    assertEquals(error.message.startsWith(`Cannot use URL "${url}": `), true, error.message);
  });
}

const SECRETS = [
  "http://alice:hunter2@h",
  "pb://alice:hunter2@h?x",
  "pb://alice:hunter2@h:99999",
  "pb://alice:hun/hunter2@h",
  "pb://alice:hun@hunter2@h:99999",
  "pb://alice:hunter2://x@h:99999",
  "http://alice:hunter2\nx@h",
  "pb://:hunter2@h",
  "pb://alice:hunter2%ff@h",
  "alice:hunter2@h",
];

for (const url of SECRETS) {
  Deno.test(`parseUrl() leaves the password of "${url}" out of its error`, () => {
    const error = assertThrows(() => parseUrl(url), TypeError);
    assertFalse(error.message.includes("hunter2"), error.message);
  });
}
