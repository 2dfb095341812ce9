/**
 * A connection's life: it is negotiated, open, perhaps drained, and closed; and why it was closed.
 *
 * @module
 */

import type { BananaReader } from "../jelly/banana/mod.ts";
import { duration } from "../transport/checks.ts";
import type { CloseReason, Peer } from "../transport/mod.ts";
import type { BrokerRole, CloseOptions } from "./broker_facts.ts";
import type { BrokerHooks } from "./broker_hooks.ts";
import { closeReason, isFaultOfPeer } from "./close_reason.ts";
import { endReason } from "./end_reason.ts";
import { GoingAwayError, LimitError } from "./errors.ts";
import type { Flow } from "./flow.ts";
import type { IncomingCalls } from "./incoming_calls.ts";
import type { Link } from "./link.ts";
import type { Log } from "./log.ts";
import { type AgreedDialect, type Negotiation, notReady } from "./negotiation.ts";
import { Outcome } from "./outcome.ts";
import { programGoesOn } from "./turn.ts";
import { within } from "./within.ts";

/** How long a close waits for what was written to go out, in milliseconds. */
const CLOSE_TIMEOUT = 1000;
/**
 * After the last answers, so many milliseconds are left to a peer that was calling, so that it hears of what
 * it says next that this was not begun.
 */
const LINGER = 200;
const NORMAL: CloseReason = { kind: "normal", message: "" };
const OPEN: State = { kind: "open" };
const NOTHING = new Uint8Array(0);

/** Where a connection is in its life. */
type State =
  | { readonly kind: "negotiating"; readonly negotiation: Negotiation }
  | { readonly kind: "open" }
  /** Calls are finished before a close; `done` ends the step before it is over. */
  | { readonly kind: "draining"; readonly step: DrainStep; readonly done: () => void }
  | { readonly kind: "closed"; readonly reason: Error | undefined };

/** First calls under way are answered, then the peer hears that what it says to the last answers is refused. */
type DrainStep = "answering" | "lingering";

/** A close that the program, or a fault of its own, has begun. */
interface Closing {
  /** What was given as the fault for which it closes. */
  readonly fault: Error | undefined;
  /** Resolves when the connection has ended. */
  readonly ended: Promise<void>;
}

/** What a broker lends to its life. */
export interface LifeParts {
  /** What is known of the other end. */
  readonly peer: Peer;
  /** Which end this is. */
  readonly role: BrokerRole["kind"];
  /** What is closed at its end. */
  readonly link: Link;
  /** Whether calls of the peer's have to wait. */
  readonly flow: Flow;
  /** The peer's calls. */
  readonly calls: IncomingCalls;
  /** Knows of our own calls, and clears up. */
  readonly hooks: BrokerHooks;
  /** Learns why connections end that should not. */
  readonly log: Log;
}

/** Where a connection is in its life, and how it ends. */
export class Life {
  readonly #parts: LifeParts;
  #state: State;
  #dialect: AgreedDialect | undefined;
  /** Made when somebody asks, and when the connection has ended. */
  #closed: Outcome<Error | undefined> | undefined;
  #closing: Closing | undefined;

  /**
   * Begins a life.
   *
   * @param negotiation How it begins.
   * @param parts What the broker lends.
   */
  constructor(negotiation: Negotiation, parts: LifeParts) {
    this.#parts = parts;
    this.#state = { kind: "negotiating", negotiation };
  }

  /** Settles when both ends have agreed on a dialect; rejects if the connection ends before. */
  get ready(): Promise<void> {
    if (this.#state.kind === "negotiating") return this.#state.negotiation.ready;
    const outcome = new Outcome<void>();
    if (this.#dialect !== undefined) outcome.resolve();
    else outcome.reject(notReady(this.reason));
    return outcome.promise;
  }

  /** Resolves when the connection has ended and all is cleared up: to why, or undefined if on purpose. */
  get closed(): Promise<Error | undefined> {
    return (this.#closed ??= new Outcome()).promise;
  }

  /** What both ends have agreed to speak, once they have. */
  get dialect(): AgreedDialect | undefined {
    return this.#dialect;
  }

  /** Whether both ends have still to agree. */
  get isNegotiating(): boolean {
    return this.#state.kind === "negotiating";
  }

  /** Whether the connection has ended. */
  get isClosed(): boolean {
    return this.#state.kind === "closed";
  }

  /** Why it has ended; undefined if it has not, or on purpose. */
  get reason(): Error | undefined {
    return this.#state.kind === "closed" ? this.#state.reason : undefined;
  }

  /** Whether calls of ours are possible: not once a close has begun, except while calls are finished. */
  get takesCalls(): boolean {
    const { kind } = this.#state;
    return kind === "draining" || (kind !== "closed" && this.#closing === undefined);
  }

  /**
   * Looks at the first bytes, while none have been understood.
   *
   * @throws {ProtocolError} If they are of another protocol.
   */
  check(): void {
    if (this.#state.kind === "negotiating") this.#state.negotiation.check();
  }

  /**
   * Takes what the peer says first.
   *
   * @param reader Stands before it.
   * @throws {ProtocolError} If both ends cannot agree.
   */
  agree(reader: BananaReader): void {
    if (this.#state.kind !== "negotiating") return;
    const { negotiation } = this.#state;
    this.#dialect = negotiation.received(reader);
    this.#state = OPEN;
    // Before the negotiation clears its own alarm: so the clock need not stop.
    this.#parts.hooks.opened();
    negotiation.succeed();
  }

  /**
   * Closes the connection when what was sent has gone out, or cannot go out within a second.
   *
   * @param options How, and why; an error alone is the reason.
   * @returns Resolves when the connection has ended.
   * @throws {RangeError} If the time is no number from 0 up.
   */
  close(options: CloseOptions | Error): Promise<void> {
    const { graceful = 0, reason } = options instanceof Error ? { reason: options } : options;
    duration("graceful", graceful);
    if (graceful === 0 && this.#state.kind === "draining") this.#state.done();
    this.#closing ??= {
      fault: reason instanceof Error ? reason : undefined,
      ended: this.#close(graceful, reason),
    };
    return this.#closing.ended;
  }

  /**
   * Closes the connection at once, for a fault of the program's own.
   *
   * @param error The fault.
   */
  abandon(error: Error): void {
    this.#closing = { fault: error, ended: this.closed.then(() => {}) };
    this.fail(error);
  }

  /**
   * Closes the connection at once, for a fault.
   *
   * @param error The fault.
   */
  fail(error: Error): void {
    if (this.isClosed) return;
    const { link } = this.#parts;
    const { unread } = link;
    link.close(closeReason(error));
    this.end(error, unread);
  }

  /** Learns that calls have ended: when none is left, a drained connection need not wait any more. */
  callsEnded(): void {
    const state = this.#state;
    if (state.kind !== "draining" || state.step !== "answering") return;
    const { calls, flow, hooks } = this.#parts;
    if (calls.size + hooks.callsWanted === 0 && !flow.isBehind) state.done();
  }

  /**
   * Learns that the link has ended.
   *
   * @param error What went wrong here, if anything did.
   * @param unread The first of the bytes that were not understood.
   */
  end(error: unknown, unread: Uint8Array): void {
    const state = this.#state;
    if (state.kind === "closed") return;
    const { hooks, link, log } = this.#parts;
    const reason = this.#endReason(error, unread);
    this.#state = { kind: "closed", reason };
    if (state.kind === "draining") state.done();
    if (state.kind === "negotiating") state.negotiation.fail(notReady(reason));
    try {
      hooks.clear(reason);
    } catch (fault) {
      // Nobody waits for this, and who waits for the end must hear of it.
      const message = "Cannot clear up behind a connection";
      const { peer } = this.#parts;
      log({ event: "callbackFailed", level: "error", message, peer, error: fault });
    }
    const rest = link.transportClosed ?? Promise.resolve();
    rest.then(() => {
      (this.#closed ??= new Outcome()).resolve(reason);
      hooks.ended(reason);
    });
  }

  async #close(graceful: number, reason: CloseReason | Error | undefined): Promise<void> {
    const { link, calls } = this.#parts;
    if (graceful !== 0 && this.#state.kind === "open") await this.#drain(graceful);
    // A method that closes its own connection is answered first, as it is in Twisted.
    await programGoesOn();
    calls.ignore();
    if (!this.isClosed) {
      if (link.output.buffered !== 0) await within(CLOSE_TIMEOUT, link.output.drained(0));
      link.close(reason instanceof Error ? closeReason(reason) : reason ?? NORMAL);
      // Not only when the pending read has failed, which takes a turn of the event loop.
      await undefined;
      this.end(undefined, NOTHING);
    }
    await this.closed;
  }

  /** Refuses calls, and waits until those under way are finished. */
  async #drain(graceful: number): Promise<void> {
    const { calls } = this.#parts;
    const wasBusy = calls.size !== 0;
    const over = Date.now() + graceful;
    calls.refuse(new GoingAwayError());
    await this.#wait("answering", graceful);
    const left = Math.min(LINGER, over - Date.now());
    if (wasBusy && left > 0 && this.#state.kind === "draining") {
      await this.#wait("lingering", left);
    }
    if (this.#state.kind === "draining") this.#state = OPEN;
  }

  #wait(step: DrainStep, time: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#state = { kind: "draining", step, done: resolve };
    this.callsEnded();
    return within(time, promise);
  }

  /** Finds words for why the connection has ended; none if it ended on purpose. */
  #endReason(error: unknown, unread: Uint8Array): Error | undefined {
    const { role, link, peer, log } = this.#parts;
    const { isNegotiating } = this;
    const reason = this.#closing === undefined
      ? endReason({
        role,
        isNegotiating,
        error,
        unread,
        isHeard: link.bytesReceived !== 0,
        closeReason: link.closeReason,
      })
      : this.#closing.fault;
    // A client that gets no connection learns it from `ready`.
    if (isFaultOfPeer(reason) && !(isNegotiating && role === "client")) {
      const limit = reason instanceof LimitError ? ` (${reason.limit})` : "";
      const message = `Connection to ${peer.address} closed: ${reason!.message}${limit}`;
      const event = isNegotiating ? "connectionFailed" : "connectionClosed";
      log({ event, level: "warning", message, peer });
    }
    return reason;
  }
}
