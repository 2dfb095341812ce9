/**
 * Connects through a `MessagePort`, to a worker or a frame.
 *
 * @module
 */

import { positiveInteger } from "../base/checks.ts";
import { TransportError } from "../base/errors.ts";
import { Inbox } from "../base/inbox.ts";
import { oneLine } from "../base/printable.ts";
import type { CloseReason, Dialed, Transport } from "../base/transport.ts";
import { FIRST_WINDOW, ReceiveWindow, SendWindow } from "../base/window.ts";

/** Maximum bytes of a message. */
const MAX_MESSAGE = 262_144;

const CLOSE_KINDS: ReadonlySet<unknown> = new Set<CloseReason["kind"]>([
  "normal",
  "goingAway",
  "protocolError",
  "policyViolation",
  "tooLarge",
  "internalError",
]);

/** What travels through the port: bytes, how many more bytes may be sent, or the end. */
type PortMessage = Uint8Array | number | { readonly close: CloseReason };

/** Options for {@linkcode fromMessagePort}. */
export interface MessagePortOptions {
  /** Number of bytes that the other end may send before this one reads them. Defaults to 1 MiB. */
  window?: number;
}

/** What messages go through: a `MessagePort`, a `Worker`, or `self` inside a worker. */
export interface MessageEndpoint {
  /** Sends a message. */
  postMessage(message: unknown, transfer: Transferable[]): void;
  /** Adds a listener for messages and errors. */
  addEventListener(
    type: string,
    listener: (event: Event) => void,
    options?: AddEventListenerOptions,
  ): void;
  /** Starts delivery of messages; only ports have it. */
  start?(): void;
  /** Closes a port. Not called on a worker's `self`, where it would end the worker. */
  close?(): void;
}

/**
 * Turns a message port or a worker into a connection. The program at the other end must call this
 * function too, with its own port, or, in a worker, with its `self`.
 *
 * A port does not report that the program at the other end is gone: close the connection before or
 * when you terminate a worker. A worker's failure is noticed only if the connection was made from
 * the worker itself.
 *
 * @example To a worker
 * ```ts
 * import { fromMessagePort } from "@perspective/broker/transport";
 * import { assertEquals } from "@std/assert";
 *
 * const { port1, port2 } = new MessageChannel();
 * // A real worker would get its port by worker.postMessage(port2, [port2]), and call this there.
 * const here = fromMessagePort(port1).transport;
 * const there = fromMessagePort(port2).transport;
 * await here.write(Uint8Array.of(1, 2, 3));
 * assertEquals(await there.read(new Uint8Array(8)), 3);
 * here.close();
 * assertEquals(await there.read(new Uint8Array(8)), null);
 * ```
 *
 * @param port The port or worker, through which nothing else may send from now on; if other code
 * has to, give the worker a port for the connection. A worker that is to be the client must pass
 * its `self` before it awaits anything, or what the server sends first is lost.
 * @param options The window.
 * @returns The connection.
 * @throws {RangeError} If the window is not a positive integer.
 */
export function fromMessagePort(
  port: MessageEndpoint,
  options: MessagePortOptions = {},
): Dialed {
  const { window = 2 ** 20 } = options;
  positiveInteger("window", window);
  const transport = new PortTransport(port, window);
  return { transport, peer: { kind: "port", address: "port", secure: true } };
}

class PortTransport implements Transport {
  readonly #port: MessageEndpoint;
  readonly #listening = new AbortController();
  readonly #inbox: Inbox;
  readonly #sendWindow = new SendWindow(FIRST_WINDOW);
  readonly #receiveWindow: ReceiveWindow;
  #open = true;
  #closeReason: CloseReason | undefined;

  constructor(port: MessageEndpoint, window: number) {
    this.#port = port;
    this.#receiveWindow = new ReceiveWindow(FIRST_WINDOW, window);
    this.#inbox = new Inbox({
      onRead: (count) => this.#permit(this.#receiveWindow.release(count)),
    });
    this.#on("message", (event) => this.#onMessage((event as MessageEvent).data));
    this.#on("messageerror", () => this.#fail("a message could not be read"));
    this.#on("close", () => this.#end());
    if ("terminate" in port) {
      this.#on("error", (event) => this.#fail(`the worker failed: ${textOf(event)}`));
    }
    port.start?.();
  }

  get closeReason(): CloseReason | undefined {
    return this.#closeReason;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return this.#inbox.read(buffer);
  }

  async write(bytes: Uint8Array): Promise<number> {
    const count = await this.#sendWindow.take(Math.min(bytes.length, MAX_MESSAGE));
    const copy = bytes.slice(0, count);
    this.#post(copy, [copy.buffer]);
    return count;
  }

  close(reason: CloseReason = { kind: "normal", message: "" }): void {
    if (!this.#open) return;
    this.#inbox.abandon();
    this.#post({ close: { kind: reason.kind, message: reason.message } });
    this.#end();
  }

  #on(type: string, listener: (event: Event) => void): void {
    this.#port.addEventListener(type, listener, { signal: this.#listening.signal });
  }

  #post(message: PortMessage, transfer: Transferable[] = []): void {
    this.#port.postMessage(message, transfer);
  }

  #permit(count: number): void {
    if (count > 0 && this.#open) this.#post(count);
  }

  #onMessage(message: unknown): void {
    if (!this.#open) return;
    if (message instanceof Uint8Array) {
      if (this.#receiveWindow.receive(message.length) < message.length) {
        return this.#fail("peer sent more bytes than permitted");
      }
      // A view of a part would keep the whole buffer alive.
      this.#inbox.push(message, message.length === message.buffer.byteLength);
      this.#inbox.deliver();
    } else if (Number.isSafeInteger(message) && message as number > 0) {
      this.#sendWindow.grant(message as number);
    } else {
      const reason = closeReasonOf(message);
      if (reason === undefined) return this.#fail("peer sent something other than bytes");
      this.#closeReason = reason;
      this.#end();
    }
  }

  #fail(fact: string): void {
    this.#inbox.end(new TransportError(`Cannot continue on message port: ${fact}`));
    this.#post({ close: { kind: "protocolError", message: fact } });
    this.#end();
  }

  #end(): void {
    this.#open = false;
    this.#inbox.end();
    this.#sendWindow.close();
    this.#listening.abort();
    // On a worker's `self` this would end the worker.
    if (this.#port.start !== undefined) this.#port.close?.();
  }
}

/** Returns the message of a worker's error. */
function textOf(event: Event): string {
  return oneLine((event as Partial<ErrorEvent>).message ?? "no reason was given");
}

/** Returns the peer's reason for closing, if the message is one. */
function closeReasonOf(message: unknown): CloseReason | undefined {
  if (typeof message !== "object" || message === null) return undefined;
  const { close } = message as { readonly close?: unknown };
  if (typeof close !== "object" || close === null) return undefined;
  const { kind, message: text } = close as { readonly [Key in keyof CloseReason]?: unknown };
  if (!CLOSE_KINDS.has(kind) || typeof text !== "string") return undefined;
  return { kind: kind as CloseReason["kind"], message: text };
}
