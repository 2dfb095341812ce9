/**
 * WebSocket over any byte pipe, after the handshake.
 *
 * @module
 */

import { type Alarm, type AlarmPlace, CLOCK } from "../base/clock.ts";
import { TransportClosedError, WebSocketError } from "../base/errors.ts";
import { BusyTime } from "../base/event_turn.ts";
import { Inbox, type InboxOwner } from "../base/inbox.ts";
import { ReadBuffer } from "../base/read_buffer.ts";
import type { CloseReason, Transport } from "../base/transport.ts";
import { FIRST_WINDOW, parseGrant, ReceiveWindow, SendWindow } from "../base/window.ts";
import { CloseCode, closeCodeOf, closeText, reasonOf } from "./_close_codes.ts";
import { FrameEncoder, type FrameHandler, FrameParser, joined, Opcode } from "./_frames.ts";

/** Maximum bytes of a frame that is sent: enough for one turn, yet quick to copy and mask. */
const MAX_FRAME = 262_144;
/** Bytes to read ahead of the reader where no window limits the peer. */
const READ_AHEAD = 65_536;
const NOTHING = new Uint8Array(0);
/**
 * Number of microtasks in which the program can send something together with the handshake's end.
 */
const HANDSHAKE_MICROTASKS = 64;
/** Milliseconds to wait for the reader to ask for more before reading ahead of it. */
const PATIENCE = 20;
/** Milliseconds in which the peer must answer a close frame. */
const CLOSE_TIMEOUT = 1000;

/** Options for {@linkcode FramedTransport}. */
export interface FramedOptions {
  /** Whether this end is the client, which masks. */
  readonly client: boolean;
  /** Whether both ends send only what the other permits. */
  readonly windowed: boolean;
  /** Bytes that arrived together with the handshake and follow it. */
  readonly early: Uint8Array;
  /** The part of the handshake still to be sent. */
  readonly handshake?: Uint8Array;
  /** Maximum bytes of one message from the peer. */
  readonly maxMessageSize: number;
  /** Maximum bytes that the peer may have sent and that are not yet read. */
  readonly window: number;
}

/** The states of a connection, in order: it never goes back to an earlier one. */
type State =
  | "open"
  /** A close frame is sent, and the peer's is awaited. */
  | "closing"
  /** The peer broke a rule, and a close frame is sent; what else it sends is ignored. */
  | "failed"
  /** Both ends have said everything: the connection ends once this end's close frame is sent. */
  | "ending"
  | "closed";

/**
 * A transport of the bytes in binary frames.
 *
 * Bytes are read straight into the buffer of a pending read, and the frames around them are removed
 * in place. Only while no read is pending are they read into the transport's own buffer, because
 * pings, permissions and a close frame must still be handled.
 */
export class FramedTransport implements Transport {
  readonly #conn: Transport;
  readonly #windowed: boolean;
  readonly #parser: FrameParser;
  readonly #encoder: FrameEncoder;
  readonly #inbox: Inbox;
  /**
   * Set while the reader has what it asked for and has not asked again, and while a close frame is
   * unanswered.
   */
  readonly #alarm: Alarm;
  readonly #sendWindow: SendWindow;
  readonly #receiveWindow: ReceiveWindow;
  /** Created on demand. */
  #closed: PromiseWithResolvers<void> | undefined;
  #state: State = "open";
  /** The end of the handshake, until it is sent. */
  #handshake: Uint8Array | undefined;
  #closeReason: CloseReason | undefined;
  /** The buffer for reading ahead of a reader that has not asked. */
  #ahead: ReadBuffer | undefined;
  #isReading = false;
  /** Whether a frame is being written, and what wakes the writers of those that wait for it. */
  #isSending = false;
  #waiting: (() => void)[] | undefined;
  /** The latest ping that has not been answered yet; earlier ones need no answer. */
  #ping: Uint8Array | undefined;
  #grant = 0;

  /** Takes over a connection whose handshake is done. */
  constructor(conn: Transport, options: FramedOptions) {
    const { client, windowed, early, maxMessageSize, window } = options;
    this.#conn = conn;
    this.#windowed = windowed;
    this.#handshake = options.handshake;
    const first = windowed ? FIRST_WINDOW : Infinity;
    this.#sendWindow = new SendWindow(first);
    this.#receiveWindow = new ReceiveWindow(first, window);
    this.#encoder = new FrameEncoder(client);
    const handler = this.#alarm = new FramedTransport.#Handler(this);
    this.#inbox = new Inbox(handler);
    const maxTextSize = windowed ? 10 : 0;
    this.#parser = new FrameParser(handler, { masked: !client, maxMessageSize, maxTextSize });
    if (this.#handshake !== undefined) void this.#endHandshake();
    if (early.length > 0) this.#received(early, false);
    this.#awaitReader();
  }

  get closeReason(): CloseReason | undefined {
    return this.#closeReason;
  }

  get closed(): Promise<void> {
    if (this.#state === "closed") return Promise.resolve();
    return (this.#closed ??= Promise.withResolvers()).promise;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    const read = this.#inbox.read(buffer);
    if (this.#inbox.wanted !== undefined) this.#ahead = undefined;
    void this.#pump();
    return read;
  }

  async write(bytes: Uint8Array): Promise<number> {
    if (bytes.length === 0) return 0;
    const count = await this.#permission(bytes.length);
    await this.#send(() => this.#encoder.encode(Opcode.binary, bytes.subarray(0, count)), count);
    return count;
  }

  writeInPlace(bytes: Uint8Array): Promise<number> {
    const send = (count: number) => {
      const payload = count === bytes.length ? bytes : bytes.subarray(0, count);
      return this.#send(() => this.#encoder.encodeInPlace(Opcode.binary, payload), count);
    };
    const count = this.#sendWindow.takeNow(Math.min(bytes.length, MAX_FRAME));
    return count > 0 ? send(count) : this.#permission(bytes.length).then(send);
  }

  /** Waits until something may be sent. */
  #permission(wanted: number): Promise<number> {
    if (this.#sendWindow.isShut) this.#readAhead();
    return this.#sendWindow.take(Math.min(wanted, MAX_FRAME));
  }

  close(reason: CloseReason = { kind: "normal", message: "" }): void {
    if (this.#state !== "open") return;
    this.#state = "closing";
    this.#inbox.abandon();
    this.#sayClose(closeCodeOf(reason), reason.message);
    void this.#pump();
  }

  /** Reads as long as anything needs to be read. */
  async #pump(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    // Frames without content never reach the reader, which would give others a turn.
    const busy = new BusyTime();
    try {
      while (this.#wantsMore()) {
        const { wanted } = this.#inbox;
        const ahead = wanted === undefined ? this.#ahead ??= new ReadBuffer() : undefined;
        const buffer = wanted ?? ahead!.bytes;
        const count = await this.#conn.read(buffer);
        if (count === null) {
          this.#end(
            new TransportClosedError("Cannot read: connection ended without a close frame"),
          );
          break;
        }
        busy.begin();
        this.#received(buffer.subarray(0, count), wanted !== undefined);
        ahead?.adapt(count);
        const turn = busy.done();
        if (turn !== undefined) await turn;
      }
    } catch (error) {
      this.#end(error as Error);
    }
    this.#isReading = false;
  }

  #wantsMore(): boolean {
    switch (this.#state) {
      case "open":
        if (this.#inbox.wanted !== undefined) return true;
        return this.#ahead !== undefined && (this.#windowed || this.#inbox.size <= READ_AHEAD);
      case "closing":
      case "failed":
        return true;
      case "ending":
      case "closed":
        return false;
    }
  }

  /** Gives the reader some time to ask for more before anything is read ahead of it. */
  #awaitReader(): void {
    if (this.#alarm.place === undefined) CLOCK.set(this.#alarm);
  }

  #readAhead(): void {
    this.#ahead ??= new ReadBuffer();
    void this.#pump();
  }

  /** Handles what was read, whether into the reader's buffer or not. */
  #received(bytes: Uint8Array, isInPlace: boolean): void {
    if (this.#state === "failed") return;
    const count = this.#parser.sift(bytes);
    const permitted = this.#receiveWindow.receive(count);
    if (isInPlace) this.#inbox.filled(permitted);
    else {
      this.#inbox.push(bytes.subarray(0, permitted));
      this.#inbox.deliver();
    }
    const { end } = this.#parser;
    if (permitted < count) {
      const fact = "peer sent more bytes than permitted";
      this.#fail(new WebSocketError(CloseCode.policyViolation, fact));
    } else if (end?.kind === "broken") this.#fail(end.error);
    else if (end?.kind === "closed") this.#onClose(end.code, end.message);
  }

  #onRead(count: number): void {
    const grant = this.#receiveWindow.release(count);
    if (this.#state !== "open") return;
    if (grant > 0) this.#permit(grant);
    this.#awaitReader();
  }

  #onText(text: string): void {
    const grant = parseGrant(text);
    if (grant === undefined) {
      throw new WebSocketError(CloseCode.unsupportedData, "text that is not a number of bytes");
    }
    this.#sendWindow.grant(grant);
  }

  #onPing(payload: Uint8Array): void {
    const waiting = this.#ping !== undefined;
    this.#ping = payload;
    if (waiting) return;
    this.#sendControl(Opcode.pong, () => {
      const latest = this.#ping ?? payload;
      this.#ping = undefined;
      return latest;
    });
  }

  #permit(count: number): void {
    const waiting = this.#grant > 0;
    this.#grant += count;
    if (waiting) return;
    this.#sendControl(Opcode.text, () => {
      const text = String(this.#grant);
      this.#grant = 0;
      return new TextEncoder().encode(text);
    });
  }

  #onClose(code: number, message: string): void {
    const answered = this.#state === "closing";
    this.#state = "ending";
    if (!answered) {
      this.#closeReason = reasonOf(code, message);
      this.#inbox.end();
      this.#sayClose(code === CloseCode.none ? CloseCode.normal : code, message);
    }
    void this.#send(() => NOTHING).then(() => this.#end(), () => this.#end());
  }

  /** Reports a broken rule: to the reader after the bytes before it, to the peer at once. */
  #fail(error: WebSocketError): void {
    const answered = this.#state === "closing";
    this.#state = "failed";
    if (answered) return;
    this.#inbox.end(error);
    this.#sayClose(error.code, error.message);
  }

  #sayClose(code: number, message: string): void {
    this.#sendWindow.close();
    const text = message === "" ? NOTHING : closeText(message);
    const payload = new Uint8Array(2 + text.length);
    payload.set([code >> 8, code & 0xff]);
    payload.set(text, 2);
    this.#sendControl(Opcode.close, () => payload);
    CLOCK.set(this.#alarm);
  }

  #end(error?: Error): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    CLOCK.clear(this.#alarm);
    this.#inbox.end(error);
    this.#sendWindow.close();
    this.#conn.close();
    this.#closed?.resolve();
  }

  #sendControl(opcode: number, payload: () => Uint8Array): void {
    this.#sendFrame(() => this.#encoder.encode(opcode, payload()));
  }

  /** Sends a frame without waiting for it. */
  #sendFrame(make: () => Uint8Array): void {
    this.#send(make).catch((error) => this.#end(error));
  }

  /**
   * Sends a frame with `count` bytes for the reader, made once those before it are sent; returns
   * `count`.
   */
  async #send(make: () => Uint8Array, count = 0): Promise<number> {
    if (this.#isSending) {
      await new Promise<void>((resolve) => (this.#waiting ??= []).push(resolve));
    }
    this.#isSending = true;
    try {
      const frame = this.#behindHandshake(make());
      // A peer that receives a lot has a lot to permit.
      this.#parser.earn(count);
      for (let sent = 0; sent < frame.length;) {
        sent += await this.#conn.write(sent === 0 ? frame : frame.subarray(sent));
      }
    } finally {
      // If another frame waits, it is its turn to send.
      const next = this.#waiting?.shift();
      if (next === undefined) this.#isSending = false;
      else next();
    }
    return count;
  }

  /** Ends the handshake even if nothing follows. */
  async #endHandshake(): Promise<void> {
    for (let left = HANDSHAKE_MICROTASKS; left > 0 && this.#handshake !== undefined; left--) {
      await undefined;
    }
    if (this.#handshake !== undefined) this.#sendFrame(() => NOTHING);
  }

  #behindHandshake(frame: Uint8Array): Uint8Array {
    const handshake = this.#handshake;
    if (handshake === undefined) return frame;
    this.#handshake = undefined;
    return joined(handshake, frame);
  }

  /** Milliseconds after which an alarm set now rings. */
  get #patience(): number {
    return this.#state === "open" ? PATIENCE : CLOSE_TIMEOUT;
  }

  #outOfPatience(): void {
    if (this.#state !== "open") this.#end();
    else if (this.#inbox.wanted === undefined) this.#readAhead();
  }

  /** Handles what parser, inbox and clock report: one object rather than a function for each. */
  static readonly #Handler = class implements FrameHandler, InboxOwner, Alarm {
    readonly #transport: FramedTransport;
    place: AlarmPlace | undefined;

    constructor(transport: FramedTransport) {
      this.#transport = transport;
    }
    get delay(): number {
      return this.#transport.#patience;
    }
    ring(): void {
      this.#transport.#outOfPatience();
    }
    onText(text: string): void {
      this.#transport.#onText(text);
    }
    onPing(payload: Uint8Array): void {
      this.#transport.#onPing(payload);
    }
    onRead(count: number): void {
      this.#transport.#onRead(count);
    }
  };
}
