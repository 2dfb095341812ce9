/**
 * Turns the `WebSocket` of browsers and of `Deno.serve` into a transport.
 *
 * @module
 */

import { TransportClosedError, WebSocketError } from "../base/errors.ts";
import { Inbox } from "../base/inbox.ts";
import type { CloseReason, Transport } from "../base/transport.ts";
import { FIRST_WINDOW, parseGrant, ReceiveWindow, SendWindow } from "../base/window.ts";
import { CloseCode, closeCodeOf, closeText, privateCodeOf, reasonOf } from "./_close_codes.ts";
import type { WebSocketOptions } from "./websocket_options.ts";

/** Maximum bytes of a message that is sent. */
const MAX_MESSAGE = 262_144;
/**
 * Bytes that may be buffered where the peer permits what is sent: more than an honest peer permits,
 * so that a write seldom has to wait, which takes polling.
 */
const PERMITTED_MARK = 2 ** 23;
/** Milliseconds between two checks of what is buffered: the first and the longest pause. */
const FIRST_LOOK = 4;
const LAST_LOOK = 64;
/** Milliseconds to wait for a peer to answer the closing. */
const CLOSE_TIMEOUT = 1000;

/** A transport of the bytes in the messages of a `WebSocket`. */
export class EventTransport implements Transport {
  readonly #socket: WebSocket;
  readonly #options: Required<WebSocketOptions> & { readonly windowed: boolean };
  readonly #inbox: Inbox;
  readonly #sendWindow: SendWindow;
  readonly #receiveWindow: ReceiveWindow;
  readonly #closed = Promise.withResolvers<void>();
  #closeReason: CloseReason | undefined;
  /** Whether this end closed first, so that the peer's code is only an echo. */
  #shutHere = false;
  #closeTimer: ReturnType<typeof setTimeout> | undefined;
  /** Ends the wait for the next look at the buffer. */
  #wakeWriter: () => void = () => {};

  /** Takes over a socket, before it is open or as soon as it is. */
  constructor(
    socket: WebSocket,
    options: Required<WebSocketOptions> & { readonly windowed: boolean },
  ) {
    const { windowed, window } = options;
    this.#socket = socket;
    this.#options = options;
    const first = windowed ? FIRST_WINDOW : Infinity;
    this.#sendWindow = new SendWindow(first);
    this.#receiveWindow = new ReceiveWindow(first, window);
    this.#inbox = new Inbox({
      onRead: (count) => this.#permit(this.#receiveWindow.release(count)),
    });
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", (event) => this.#onMessage(event.data));
    socket.addEventListener("close", (event) => this.#onClose(event));
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
    const count = await this.#sendWindow.take(Math.min(bytes.length, MAX_MESSAGE));
    this.#socket.send(bytes.subarray(0, count) as Uint8Array<ArrayBuffer>);
    const mark = this.#options.windowed ? PERMITTED_MARK : this.#options.highWaterMark;
    if (this.#socket.bufferedAmount > mark) await this.#drain(mark);
    return count;
  }

  close(reason: CloseReason = { kind: "normal", message: "" }): void {
    this.#inbox.abandon();
    this.#shut(closeCodeOf(reason), reason.message);
  }

  /** Waits until little enough is buffered, by polling, since there is no event for it. */
  async #drain(mark: number): Promise<void> {
    const socket = this.#socket;
    for (let pause = FIRST_LOOK; socket.bufferedAmount > mark; pause *= 2) {
      if (socket.readyState !== socket.OPEN) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(pause, LAST_LOOK));
        this.#wakeWriter = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  #onMessage(data: unknown): void {
    const { windowed, maxMessageSize, maxUnread } = this.#options;
    if (typeof data === "string") {
      const grant = windowed ? parseGrant(data) : undefined;
      if (grant !== undefined) return this.#sendWindow.grant(grant);
      return this.#fail(CloseCode.unsupportedData, "text frame, where only bytes are expected");
    }
    const bytes = new Uint8Array(data as ArrayBuffer);
    if (bytes.length > maxMessageSize) {
      return this.#fail(CloseCode.tooLarge, `message has more than ${maxMessageSize} bytes`);
    }
    if (this.#receiveWindow.receive(bytes.length) < bytes.length) {
      return this.#fail(CloseCode.policyViolation, "peer sent more bytes than permitted");
    }
    // No window limits the peer, and nothing can make it wait.
    if (!windowed && this.#inbox.size + bytes.length > maxUnread) {
      return this.#fail(CloseCode.policyViolation, `more than ${maxUnread} bytes are unread`);
    }
    this.#inbox.push(bytes, true);
    this.#inbox.deliver();
  }

  #permit(count: number): void {
    if (count <= 0 || !this.#options.windowed) return;
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(String(count));
  }

  #onClose({ code, reason, wasClean }: CloseEvent): void {
    clearTimeout(this.#closeTimer);
    if (!wasClean) {
      const fact = "Cannot read: connection ended without a close frame";
      this.#inbox.end(new TransportClosedError(fact));
    } else {
      if (!this.#shutHere) this.#closeReason = reasonOf(code, reason);
      this.#inbox.end();
    }
    this.#sendWindow.close();
    this.#wakeWriter();
    this.#closed.resolve();
  }

  #fail(code: number, fact: string): void {
    const error = new WebSocketError(code, fact);
    this.#inbox.end(error);
    this.#shut(code, error.message);
  }

  #shut(code: number, message: string): void {
    const socket = this.#socket;
    this.#sendWindow.close();
    this.#wakeWriter();
    if (socket.readyState === socket.CLOSING || socket.readyState === socket.CLOSED) return;
    this.#shutHere = true;
    this.#closeTimer = setTimeout(() => this.#closed.resolve(), CLOSE_TIMEOUT);
    const text = new TextDecoder().decode(closeText(message));
    try {
      socket.close(code, text);
    } catch {
      // Browsers reserve the standard codes for themselves.
      socket.close(privateCodeOf(code), text);
    }
  }
}
