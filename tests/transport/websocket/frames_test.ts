import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { FrameEncoder, FrameParser, type FramesEnd } from "../../../transport/websocket/_frames.ts";
import { bytesOf, pattern } from "../bytes.ts";

/** What a parser found: the joined bytes of messages, its events, and how it ended. */
interface Found {
  data: number[];
  events: (string | [string, ...unknown[]])[];
  end: FramesEnd | undefined;
}

/** Feeds bytes in pieces to a new parser. */
function parse(
  bytes: Uint8Array,
  { piece = bytes.length, masked = false, maxMessageSize = 100_000, maxTextSize = 10 } = {},
): Found {
  const data: number[] = [];
  const events: Found["events"] = [];
  const parser = new FrameParser({
    onText: (text) => events.push(["text", text]),
    onPing: (payload) => events.push(["ping", [...payload]]),
  }, { masked, maxMessageSize, maxTextSize });
  const copy = bytes.slice();
  for (let at = 0; at < copy.length; at += piece) {
    const part = copy.subarray(at, at + piece);
    data.push(...part.subarray(0, parser.sift(part)));
  }
  return { data, events, end: parser.end };
}

function join(...parts: (Uint8Array | number[])[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

for (const masked of [false, true]) {
  for (const size of [0, 1, 5, 125, 126, 127, 65_535, 65_536, 65_537]) {
    const title = masked ? "masked" : "unmasked";
    Deno.test(`FrameParser reads ${title} frames of ${size} bytes in pieces of any size`, () => {
      const payload = pattern(size);
      const encoder = new FrameEncoder(masked);
      const bytes = join(
        encoder.encode(2, payload).slice(),
        encoder.encode(9, Uint8Array.of(7, 8)).slice(),
        encoder.encode(2, Uint8Array.of(42)).slice(),
      );
      for (const piece of [1, 2, 3, 13, 4096, bytes.length]) {
        const { data, events } = parse(bytes, { piece, masked });
        assertEquals(Uint8Array.from(data), join(payload, [42]));
        assertEquals(events, [["ping", [7, 8]]]);
      }
    });
  }
}

// Section 5.7 of RFC 6455.
const EXAMPLES: { name: string; bytes: Uint8Array; masked?: boolean; found: Partial<Found> }[] = [
  {
    name: "a text message",
    bytes: Uint8Array.of(0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f),
    found: { events: [["text", "Hello"]] },
  },
  {
    name: "a masked text message",
    bytes: Uint8Array.of(0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58),
    masked: true,
    found: { events: [["text", "Hello"]] },
  },
  {
    name: "a text message in fragments",
    bytes: Uint8Array.of(0x01, 0x03, 0x48, 0x65, 0x6c, 0x80, 0x02, 0x6c, 0x6f),
    found: { events: [["text", "Hello"]] },
  },
  {
    name: "a text message that begins with a byte order mark",
    bytes: Uint8Array.of(0x81, 0x04, 0xef, 0xbb, 0xbf, 0x41),
    found: { events: [["text", "\ufeffA"]] },
  },
  {
    name: "a ping",
    bytes: Uint8Array.of(0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f),
    found: { events: [["ping", [...bytesOf("Hello")]]] },
  },
  {
    name: "a ping between two fragments",
    bytes: Uint8Array.of(0x02, 1, 1, 0x89, 0, 0x00, 0, 0x80, 1, 2),
    found: { events: [["ping", []]], data: [1, 2] },
  },
  { name: "an unsolicited pong", bytes: Uint8Array.of(0x8a, 1, 7), found: { events: [] } },
  {
    name: "a close without a code",
    bytes: Uint8Array.of(0x88, 0, 0xff, 0xff),
    found: { end: { kind: "closed", code: 1005, message: "" } },
  },
  {
    name: "a close with a code and text, and ignores what follows",
    bytes: join([0x88, 4, 0x03, 0xe9], bytesOf("ok"), [0xff, 0x00]),
    found: { end: { kind: "closed", code: 1001, message: "ok" } },
  },
];

for (const { name, bytes, masked = false, found } of EXAMPLES) {
  Deno.test(`FrameParser reads ${name}`, () => {
    for (const piece of [1, bytes.length]) {
      assertEquals(parse(bytes, { piece, masked }), {
        data: [],
        events: [],
        end: undefined,
        ...found,
      });
    }
  });
}

const LENGTH_2_63 = [0x82, 0x7f, 0x80, 0, 0, 0, 0, 0, 0, 0];
const BAD: { name: string; bytes: number[]; code: number; message: string; masked?: boolean }[] = [
  { name: "a masked frame of a server", bytes: [0x82, 0x80], code: 1002, message: "is masked" },
  {
    name: "an unmasked frame of a client",
    bytes: [0x82, 0x00],
    code: 1002,
    message: "is not masked",
    masked: true,
  },
  { name: "a reserved bit", bytes: [0xc2, 0x00], code: 1002, message: "extension" },
  { name: "an unknown data frame", bytes: [0x83, 0x00], code: 1002, message: "unknown opcode 3" },
  {
    name: "an unknown control frame",
    bytes: [0x8b, 0x00],
    code: 1002,
    message: "unknown opcode 11",
  },
  { name: "a ping in fragments", bytes: [0x09, 0x00], code: 1002, message: "in fragments" },
  { name: "a long ping", bytes: [0x89, 0x7e], code: 1002, message: "too long" },
  { name: "a long close", bytes: [0x88, 0x7f], code: 1002, message: "too long" },
  {
    name: "a continuation of nothing",
    bytes: [0x80, 0x00],
    code: 1002,
    message: "without a message",
  },
  {
    name: "a message within a message",
    bytes: [0x02, 1, 7, 0x82, 0],
    code: 1002,
    message: "inside another",
  },
  {
    name: "a short length in two bytes",
    bytes: [0x82, 0x7e, 0, 125],
    code: 1002,
    message: "more bytes than necessary",
  },
  {
    name: "a short length in eight bytes",
    bytes: [0x82, 0x7f, 0, 0, 0, 0, 0, 0, 0xff, 0xff],
    code: 1002,
    message: "more bytes than necessary",
  },
  { name: "a length of 2^63", bytes: LENGTH_2_63, code: 1009, message: "more than 100000" },
  {
    name: "a message over the limit",
    bytes: [0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0x86, 0xa1],
    code: 1009,
    message: "more than 100000",
  },
  {
    name: "fragments that exceed the limit together",
    bytes: [0x02, 1, 7, 0x80, 0x7f, 0, 0, 0, 0, 0, 1, 0x86, 0xa0],
    code: 1009,
    message: "more than 100000",
  },
  { name: "a long text", bytes: [0x81, 11], code: 1009, message: "more than 10 bytes" },
  { name: "text that is not UTF-8", bytes: [0x81, 1, 0xff], code: 1007, message: "not UTF-8" },
  { name: "a close with half a code", bytes: [0x88, 1, 3], code: 1002, message: "without a code" },
  ...[0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65_535].map((code) => ({
    name: `close code ${code}`,
    bytes: [0x88, 2, code >> 8, code & 0xff],
    code: 1002,
    message: "without a code",
  })),
  {
    name: "a close whose text is not UTF-8",
    bytes: [0x88, 3, 0x03, 0xe8, 0xff],
    code: 1007,
    message: "not UTF-8",
  },
];

for (const { name, bytes, code, message, masked = false } of BAD) {
  Deno.test(`FrameParser refuses ${name}`, () => {
    for (const piece of [1, bytes.length]) {
      const { end } = parse(Uint8Array.from(bytes), { piece, masked });
      assert(end?.kind === "broken");
      assertStringIncludes(end.error.message, message);
      assertEquals(end.error.code, code);
    }
  });
}

Deno.test("FrameParser refuses a text frame by its first bytes if maxTextSize is 0", () => {
  const start = Uint8Array.of(0x81, 0x7f);
  const { end } = parse(start, { maxTextSize: 0 });
  assert(end?.kind === "broken");
  assertEquals(end.error.code, 1003);
});

Deno.test("FrameParser.sift() returns the bytes before an invalid frame, and none after it", () => {
  const bytes = Uint8Array.of(0x82, 2, 7, 8, 0xc2, 0x82, 1, 9);
  for (const piece of [1, bytes.length]) {
    const { data, end } = parse(bytes, { piece });
    assertEquals(data, [7, 8]);
    assertEquals(end?.kind, "broken");
  }
});

Deno.test("FrameParser saves credit for a thousand frames without content at most", () => {
  const parser = new FrameParser(
    { onText: () => {}, onPing: () => {} },
    { masked: false, maxMessageSize: 1, maxTextSize: 0 },
  );
  parser.earn(1_000_000);
  const ping = [0x89, 0];
  parser.sift(join(...Array(1000).fill(ping)));
  assertEquals(parser.end, undefined);
  parser.sift(join(...Array(4000).fill(ping)));
  assert(parser.end?.kind === "broken");
  assertStringIncludes(parser.end.error.message, "too many frames without content");
});

Deno.test("FrameParser.sift() passes on errors of its handler", () => {
  const fault = new RangeError("not of a WebSocket");
  const parser = new FrameParser({
    onText: () => {},
    onPing: () => {
      throw fault;
    },
  }, { masked: false, maxMessageSize: 1, maxTextSize: 0 });
  assertEquals(assertThrows(() => parser.sift(Uint8Array.of(0x89, 0))), fault);
});

Deno.test("FrameEncoder.encode() uses a new mask for each frame", () => {
  const encoder = new FrameEncoder(true);
  const masks = Array.from({ length: 50 }, () => encoder.encode(2, pattern(3)).slice(2, 6).join());
  assertEquals(new Set(masks).size, 50);
});

Deno.test("FrameEncoder.encode() does not change the payload", () => {
  const payload = pattern(1000);
  new FrameEncoder(true).encode(2, payload);
  assertEquals(payload, pattern(1000));
});
