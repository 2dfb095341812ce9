/**
 * WebSocket over any byte pipe, after the handshake.
 *
 * @module
 */

import { CloseCode, closeCodeOf, closeText, reasonOf } from "./_close_codes.ts";
import { FrameEncoder, FrameParser, Opcode } from "./_frames.ts";
import { Inbox } from "./_inbox.ts";
import { ReadBuffer } from "./_read_buffer.ts";
import { FIRST_WINDOW, parseGrant, ReceiveWindow, SendWindow } from "./_window.ts";
import { TransportClosedError, WebSocketError } from "./errors.ts";
import type { CloseReason, Transport } from "./transport.ts";

/** Most bytes of a frame that is sent: a turn's worth, and yet soon copied and masked. */
const MAX_FRAME = 262_144;
/** Bytes that are read ahead of the reader where no window limits the peer. */
const READ_AHEAD = 65_536;
/** Milliseconds that the peer has to answer a close frame. */
const CLOSE_TIMEOUT = 1000;

/** Options for {@linkcode FramedTransport}. */
export interface FramedOptions {
  /** Whether this end is the client, which masks. */
  readonly client: boolean;
  /** Whether both ends give permission to send. */
  readonly windowed: boolean;
  /** Bytes that came after the handshake, with it. */
  readonly early: Uint8Array;
  /** Most bytes of one message from the peer. */
  readonly maxMessageSize: number;
  /** Bytes that the peer may send and that are not yet read. */
  readonly window: number;
}

/** The bytes inside of binary frames as a transport. */
export class FramedTransport implements Transport {
  readonly #conn: Transport;
  readonly #options: FramedOptions;
  readonly #parser: FrameParser;
  readonly #encoder: FrameEncoder;
  readonly #inbox = new Inbox((count) => this.#onRead(count));
  readonly #sendWindow: SendWindow;
  readonly #receiveWindow: ReceiveWindow;
  readonly #closed = Promise.withResolvers<void>();
  /** After a fault nothing that the peer says is understood any more. */
  #state: "open" | "closing" | "failed" | "closed" = "open";
  #closeReason: CloseReason | undefined;
  #closeTimer: ReturnType<typeof setTimeout> | undefined;
  /** The frame that is being written, and those that wait for it. */
  #sending: Promise<void> = Promise.resolve();
  /** Latest ping that was not answered yet; earlier ones need no answer. */
  #ping: Uint8Array | undefined;
  #grant = 0;
  #wakePump: () => void = () => {};

  /** Takes a connection over whose handshake is done. */
  constructor(conn: Transport, options: FramedOptions) {
    const { client, windowed, maxMessageSize, window } = options;
    this.#conn = conn;
    this.#options = options;
    this.#sendWindow = new SendWindow(windowed ? FIRST_WINDOW : Infinity);
    this.#receiveWindow = new ReceiveWindow(windowed ? window : Infinity);
    this.#encoder = new FrameEncoder(client);
    this.#parser = new FrameParser({
      onData: (bytes) => this.#onData(bytes),
      onText: (text) => this.#onText(text),
      onPing: (payload) => this.#onPing(payload),
      onClose: (code, message) => this.#onClose(code, message),
    }, { masked: !client, maxMessageSize, maxTextSize: windowed ? 10 : 0 });
    if (windowed && window > FIRST_WINDOW) this.#permit(window - FIRST_WINDOW);
    void this.#pump(options.early);
  }

  get closeReason(): CloseReason | undefined {
    return this.#closeReason;
  }

  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return this.#inbox.read(buffer);
  }

  async write(bytes: Uint8Array): Promise<number> {
    if (bytes.length === 0) return 0;
    const count = await this.#sendWindow.take(Math.min(bytes.length, MAX_FRAME));
    await this.#send(Opcode.binary, () => bytes.subarray(0, count));
    return count;
  }

  close(reason: CloseReason = { kind: "normal", message: "" }): void {
    if (this.#state !== "open") return;
    this.#state = "closing";
    this.#inbox.abandon();
    this.#sayClose(closeCodeOf(reason), reason.message);
  }

  /** Reads until the connection ends, as pings and permissions come while nobody else reads. */
  async #pump(early: Uint8Array): Promise<void> {
    try {
      this.#push(early);
      const buffer = new ReadBuffer();
      while (this.#state !== "closed") {
        const count = await this.#conn.read(buffer.bytes);
        if (count === null) break;
        this.#push(buffer.bytes.subarray(0, count));
        buffer.adapt(count);
        if (!this.#options.windowed && this.#inbox.size > READ_AHEAD) {
          await new Promise<void>((resolve) => this.#wakePump = resolve);
        }
      }
      this.#end(new TransportClosedError("Cannot read: connection ended without a close frame"));
    } catch (error) {
      this.#end(error as Error);
    }
  }

  #push(bytes: Uint8Array): void {
    if (this.#state === "failed") return;
    try {
      this.#parser.push(bytes);
      this.#inbox.deliver();
    } catch (error) {
      if (!(error instanceof WebSocketError)) throw error;
      this.#fail(error);
    }
  }

  #onRead(count: number): void {
    const grant = this.#receiveWindow.release(count);
    if (grant > 0 && this.#options.windowed) this.#permit(grant);
    if (this.#inbox.size <= READ_AHEAD) this.#wakePump();
  }

  #onData(bytes: Uint8Array): void {
    if (this.#receiveWindow.receive(bytes.length)) return this.#inbox.push(bytes);
    throw new WebSocketError(CloseCode.policyViolation, "peer sent more bytes than permitted");
  }

  #onText(text: string): void {
    const grant = parseGrant(text);
    if (grant === undefined) {
      throw new WebSocketError(CloseCode.unsupportedData, "text that is no number of bytes");
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
    if (this.#state === "open") {
      this.#state = "closing";
      this.#closeReason = reasonOf(code, message);
      this.#inbox.end();
      this.#sayClose(code === CloseCode.none ? CloseCode.normal : code, message);
    }
    void this.#sending.then(() => this.#end());
  }

  /** The peer broke a rule: the reader hears which after the bytes before it, the peer at once. */
  #fail(error: WebSocketError): void {
    const said = this.#state !== "open";
    this.#state = "failed";
    if (said) return;
    this.#inbox.end(error);
    this.#sayClose(error.code, error.message);
  }

  #sayClose(code: number, message: string): void {
    this.#sendWindow.close();
    this.#wakePump();
    const text = closeText(message);
    const payload = new Uint8Array(2 + text.length);
    payload.set([code >> 8, code & 0xff]);
    payload.set(text, 2);
    this.#sendControl(Opcode.close, () => payload);
    this.#closeTimer = setTimeout(() => this.#end(), CLOSE_TIMEOUT);
  }

  #end(error?: Error): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    clearTimeout(this.#closeTimer);
    this.#inbox.end(error);
    this.#sendWindow.close();
    this.#wakePump();
    this.#conn.close();
    this.#closed.resolve();
  }

  #sendControl(opcode: number, payload: () => Uint8Array): void {
    this.#send(opcode, payload).catch((error) => this.#end(error));
  }

  /** Sends a frame when those before it are sent; its payload is asked for then. */
  #send(opcode: number, payload: () => Uint8Array): Promise<void> {
    const sent = this.#sending.then(() => this.#writeFrame(opcode, payload()));
    this.#sending = sent.catch(() => {});
    return sent;
  }

  async #writeFrame(opcode: number, payload: Uint8Array): Promise<void> {
    const frame = this.#encoder.encode(opcode, payload);
    for (let sent = 0; sent < frame.length;) {
      sent += await this.#conn.write(sent === 0 ? frame : frame.subarray(sent));
    }
  }
}
