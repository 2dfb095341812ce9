/**
 * Converts frames of WebSocket (RFC 6455) to bytes and back.
 *
 * @module
 */

import { WebSocketError } from "../base/errors.ts";
import { CloseCode, closeCodeIsLegal } from "./_close_codes.ts";
import { applyMask } from "./_mask.ts";

/** What a frame is for. */
export const Opcode = {
  continuation: 0x0,
  text: 0x1,
  binary: 0x2,
  close: 0x8,
  ping: 0x9,
  pong: 0xa,
} as const;

const FINAL = 0x80;
const MASKED = 0x80;
const MAX_CONTROL = 125;
const NOTHING: Uint8Array<ArrayBuffer> = new Uint8Array(0);

/** Maximum bytes before a payload. */
const MAX_HEAD = 14;
/** Number of masks created at a time: asking for random bytes takes longer than using them. */
const MASKS = 64;

/**
 * Maximum number of frames without content for the reader, such as pings, that may come at once:
 * each costs far more than its bytes suggest. More are earned with time, and with every byte that
 * goes either way.
 */
const MOST_CREDIT = 1024;
/** Number of frames earned per millisecond. */
const EARNED = 0.1;

/** Creates frames; a client's are masked. */
export class FrameEncoder {
  readonly #masked: boolean;
  /** Random masks, the last of those left to be used next; undefined before the first frame. */
  #masks: Int32Array<ArrayBuffer> | undefined;
  #left = 0;

  constructor(masked: boolean) {
    this.#masked = masked;
  }

  /** Creates a frame from a payload, which is copied. */
  encode(opcode: number, payload: Uint8Array): Uint8Array {
    const room = new Uint8Array(MAX_HEAD + payload.length);
    room.set(payload, MAX_HEAD);
    return this.encodeInPlace(opcode, room.subarray(MAX_HEAD));
  }

  /**
   * Creates a frame around a payload, which is masked in place, with the head in the bytes before
   * it.
   */
  encodeInPlace(opcode: number, payload: Uint8Array): Uint8Array {
    const { length } = payload;
    const lengthSize = length < 126 ? 0 : length < 65_536 ? 2 : 8;
    const start = 2 + lengthSize + (this.#masked ? 4 : 0);
    const frame = new Uint8Array(payload.buffer, payload.byteOffset - start, start + length);
    frame[0] = FINAL | opcode;
    frame[1] = (this.#masked ? MASKED : 0) |
      (lengthSize === 0 ? length : lengthSize === 2 ? 126 : 127);
    for (let i = 0, rest = length; i < lengthSize; i++, rest = Math.floor(rest / 256)) {
      frame[1 + lengthSize - i] = rest;
    }
    if (this.#masked) {
      const mask = this.#nextMask();
      for (let i = 0; i < 4; i++) frame[start - 4 + i] = mask >>> 8 * i;
      applyMask(payload, mask);
    }
    return frame;
  }

  #nextMask(): number {
    const masks = this.#masks ??= new Int32Array(MASKS);
    if (this.#left === 0) {
      crypto.getRandomValues(masks);
      this.#left = MASKS;
    }
    return masks[--this.#left]!;
  }
}

/** Handles control frames and texts. */
export interface FrameHandler {
  /** Called with a whole text message. */
  onText(text: string): void;
  /** Called for a ping, which asks for a pong with the same bytes. */
  onPing(payload: Uint8Array): void;
}

/** Why no more frames are accepted: a close frame (code 1005 if it has none), or a broken rule. */
export type FramesEnd =
  | { readonly kind: "closed"; readonly code: number; readonly message: string }
  | { readonly kind: "broken"; readonly error: WebSocketError };

/** Options for {@linkcode FrameParser}. */
export interface FrameParserOptions {
  /** Whether frames must be masked, as a client's must; otherwise they must not be. */
  readonly masked: boolean;
  /** Maximum bytes of a binary message. */
  readonly maxMessageSize: number;
  /** Maximum bytes of a text message; 0 refuses all of them. */
  readonly maxTextSize: number;
}

/**
 * Finds frames in bytes that arrive in any pieces; holds only unfinished heads, control frames and
 * texts.
 */
export class FrameParser {
  readonly #handler: FrameHandler;
  readonly #options: FrameParserOptions;
  /** What has arrived of the next frame's head, if it is incomplete. */
  #cut: Uint8Array = NOTHING;
  /** Whether the next byte belongs to the head of a frame. */
  #isBetween = true;
  #opcode = 0;
  #final = false;
  #mask = 0;
  /** Number of payload bytes of the frame already seen, and still to come. */
  #seen = 0;
  #left = 0;
  /** Opcode of the message whose last frame is still to come; 0 for none. */
  #message = 0;
  #messageSize = 0;
  /** Payload of a control frame, or a text message so far. */
  #control: Uint8Array = NOTHING;
  #text: Uint8Array = NOTHING;
  #end: FramesEnd | undefined;
  /** Number of frames without content for the reader that may still come. */
  #credit = MOST_CREDIT;
  #earnedAt = performance.now();

  constructor(handler: FrameHandler, options: FrameParserOptions) {
    this.#handler = handler;
    this.#options = options;
  }

  /** How the frames ended, if they have. */
  get end(): FramesEnd | undefined {
    return this.#end;
  }

  /**
   * Parses the next bytes, and moves the contents of binary messages to the front.
   *
   * @returns The number of bytes in binary messages.
   */
  sift(bytes: Uint8Array): number {
    let kept = 0;
    this.#earnForTime();
    try {
      for (let at = 0; at < bytes.length && this.#end === undefined;) {
        if (this.#isBetween) {
          at += this.#head(bytes.subarray(at));
          continue;
        }
        const end = Math.min(at + this.#left, bytes.length);
        if (this.#mask !== 0) applyMask(bytes.subarray(at, end), this.#mask, this.#seen);
        if (this.#opcode < Opcode.close && this.#message === Opcode.binary) {
          bytes.copyWithin(kept, at, end);
          kept += end - at;
          this.earn(end - at);
        } else this.#keep(bytes.subarray(at, end));
        this.#took(end - at);
        at = end;
      }
    } catch (error) {
      if (!(error instanceof WebSocketError)) throw error;
      this.#end = { kind: "broken", error };
    }
    return kept;
  }

  /** Permits more frames without content, for bytes sent to the peer or received. */
  earn(credit: number): void {
    this.#credit = Math.min(MOST_CREDIT, this.#credit + credit);
  }

  #earnForTime(): void {
    const now = performance.now();
    this.earn((now - this.#earnedAt) * EARNED);
    this.#earnedAt = now;
  }

  /** Reads the head of a frame, or keeps what there is of it; returns how many bytes it used. */
  #head(bytes: Uint8Array): number {
    const before = this.#cut.length;
    const header = before === 0 ? bytes : joined(this.#cut, bytes.subarray(0, MAX_HEAD - before));
    const length = header[1]! & 0x7f;
    const lengthSize = length < 126 ? 0 : length === 126 ? 2 : 8;
    const need = 2 + lengthSize + (this.#options.masked ? 4 : 0);
    if (header.length >= 2 && before < 2) this.#checkStart(header[0]!, header[1]!);
    if (header.length < 2 || header.length < need) {
      this.#cut = header.slice();
      return bytes.length;
    }
    this.#cut = NOTHING;
    this.#isBetween = false;
    let size = lengthSize === 0 ? length : 0;
    for (let i = 0; i < lengthSize; i++) size = size * 256 + header[2 + i]!;
    if (lengthSize > 0 && size < (lengthSize === 2 ? 126 : 65_536)) {
      throw broken("the length of a frame takes more bytes than necessary");
    }
    if (this.#options.masked) this.#mask = maskAt(header, need - 4);
    this.#start(size);
    return need - before;
  }

  /** Checks the first two bytes. */
  #checkStart(first: number, second: number): void {
    if ((first & 0x70) !== 0) throw broken("frame uses an extension that was not agreed on");
    const masked = (second & MASKED) !== 0;
    if (masked !== this.#options.masked) {
      throw broken(masked ? "a server's frame is masked" : "a client's frame is not masked");
    }
    this.#final = (first & FINAL) !== 0;
    this.#opcode = first & 0x0f;
    switch (this.#opcode) {
      case Opcode.continuation:
        if (this.#message === 0) throw broken("continuation without a message");
        return;
      case Opcode.text:
      case Opcode.binary:
        if (this.#message !== 0) throw broken("new message inside another");
        if (this.#opcode === Opcode.text && this.#options.maxTextSize === 0) {
          throw new WebSocketError(
            CloseCode.unsupportedData,
            "text frame, where only bytes are expected",
          );
        }
        this.#message = this.#opcode;
        this.#messageSize = 0;
        return;
      case Opcode.close:
      case Opcode.ping:
      case Opcode.pong:
        if (!this.#final) throw broken("control frame in fragments");
        if ((second & 0x7f) > MAX_CONTROL) throw broken("control frame is too long");
        return;
      default:
        throw broken(`frame with unknown opcode ${this.#opcode}`);
    }
  }

  /** Begins the payload, now that its size is known. */
  #start(size: number): void {
    this.#left = size;
    this.#seen = 0;
    if (this.#opcode >= Opcode.close) {
      this.#control = new Uint8Array(size);
    } else {
      const { maxTextSize, maxMessageSize } = this.#options;
      const limit = this.#message === Opcode.text ? maxTextSize : maxMessageSize;
      this.#messageSize += size;
      if (this.#messageSize > limit) {
        throw new WebSocketError(CloseCode.tooLarge, `message has more than ${limit} bytes`);
      }
      if (this.#message === Opcode.text) {
        const text = new Uint8Array(this.#messageSize);
        text.set(this.#text);
        this.#text = text;
      }
    }
    if (size === 0) this.#finish();
  }

  /** Copies a part of a control frame or of a text. */
  #keep(part: Uint8Array): void {
    if (this.#opcode >= Opcode.close) this.#control.set(part, this.#seen);
    else this.#text.set(part, this.#text.length - this.#left);
  }

  #took(count: number): void {
    this.#seen += count;
    this.#left -= count;
    if (this.#left === 0) this.#finish();
  }

  /** Ends the frame, and with it perhaps the message. */
  #finish(): void {
    this.#isBetween = true;
    const control = this.#control;
    if (this.#opcode >= Opcode.close || this.#message === Opcode.text || this.#seen === 0) {
      if (--this.#credit < 0) {
        throw new WebSocketError(CloseCode.policyViolation, "too many frames without content");
      }
    }
    switch (this.#opcode) {
      case Opcode.close:
        this.#end = closeOf(control);
        return;
      case Opcode.ping:
        this.#handler.onPing(control);
        return;
      case Opcode.pong:
        return;
    }
    if (!this.#final) return;
    const text = this.#text;
    const message = this.#message;
    this.#message = 0;
    if (message === Opcode.text) {
      this.#text = NOTHING;
      this.#handler.onText(decodeUtf8(text));
    }
  }
}

/** Joins two pieces. */
export function joined(one: Uint8Array, other: Uint8Array): Uint8Array {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}

function closeOf(payload: Uint8Array): FramesEnd {
  if (payload.length === 0) return { kind: "closed", code: CloseCode.none, message: "" };
  const code = payload[0]! * 256 + (payload[1] ?? 0);
  if (payload.length === 1 || !closeCodeIsLegal(code)) throw broken("close frame without a code");
  return { kind: "closed", code, message: decodeUtf8(payload.subarray(2)) };
}

/** Reads the mask at a position, with its first byte lowest. */
function maskAt(bytes: Uint8Array, at: number): number {
  return bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 | bytes[at + 3]! << 24;
}

function broken(fact: string): WebSocketError {
  return new WebSocketError(CloseCode.protocolError, fact);
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new WebSocketError(CloseCode.invalidText, "text is not UTF-8", { cause });
  }
}
