/**
 * The life of a connection: negotiating, open, perhaps draining, and closed; and why it was closed.
 *
 * @module
 */

import type { BananaReader } from "../../jelly/banana/mod.ts";
import { duration } from "../../transport/base/checks.ts";
import type { CloseReason, Peer } from "../../transport/mod.ts";
import { Outcome } from "../async/outcome.ts";
import { programGoesOn } from "../async/turn.ts";
import { within } from "../async/within.ts";
import type { IncomingCalls } from "../calls/incoming_calls.ts";
import { GoingAwayError, LimitError } from "../errors/errors.ts";
import { closeReason, isFaultOfPeer } from "../link/close_reason.ts";
import type { Link } from "../link/link.ts";
import {
  type AgreedDialect,
  type Agreement,
  type Negotiation,
  notReady,
} from "../link/negotiation.ts";
import type { Log } from "../log/log.ts";
import type { BrokerRole } from "./broker_role.ts";
import type { CloseOptions } from "./close_options.ts";
import type { ConnectionHooks } from "./connection_hooks.ts";
import { endReason } from "./end_reason.ts";
import type { Flow } from "./flow.ts";

/** Milliseconds that a close waits for what was written to go out. */
const CLOSE_TIMEOUT = 1000;
/**
 * Milliseconds to wait after the last answers, so that a peer that was calling hears that its next
 * calls were not begun.
 */
const LINGER = 200;
const NORMAL: CloseReason = { kind: "normal", message: "" };
const OPEN: State = { kind: "open" };
const NOTHING = new Uint8Array(0);

/** The state of a connection. */
type State =
  | { readonly kind: "negotiating"; readonly negotiation: Negotiation }
  | { readonly kind: "open" }
  /** Calls are finished before a close; `done` ends the step early. */
  | { readonly kind: "draining"; readonly step: DrainStep; readonly done: () => void }
  | { readonly kind: "closed"; readonly reason: Error | undefined };

/**
 * First the calls under way are answered; then calls that the peer makes in reaction to the last
 * answers are refused.
 */
type DrainStep = "answering" | "lingering";

/** A close begun by the program, or because of a fault of its own. */
interface Closing {
  /** The fault that was given as the reason. */
  readonly fault: Error | undefined;
  /** Resolves when the connection has ended. */
  readonly ended: Promise<void>;
}

/** What the life of a connection works with. */
export interface LifeParts {
  /** What is known about the peer. */
  readonly peer: Peer;
  /** Which end of the connection this is. */
  readonly role: BrokerRole["kind"];
  /** The link, which is closed when the life ends. */
  readonly link: Link;
  /** Whether the peer's calls have to wait. */
  readonly flow: Flow;
  /** The peer's calls. */
  readonly calls: IncomingCalls;
  /** Knows our own calls, and cleans up. */
  readonly hooks: ConnectionHooks;
  /** Logs why connections end when they should not. */
  readonly log: Log;
}

/** The state of a connection, and how it ends. */
export class Life {
  readonly #parts: LifeParts;
  #state: State;
  #agreement: Agreement | undefined;
  /** Created on first use, or when the connection has ended. */
  #closed: Outcome<Error | undefined> | undefined;
  #closing: Closing | undefined;

  /**
   * Begins a life.
   *
   * @param negotiation The negotiation that it begins with.
   * @param parts What it works with.
   */
  constructor(negotiation: Negotiation, parts: LifeParts) {
    this.#parts = parts;
    this.#state = { kind: "negotiating", negotiation };
  }

  /**
   * Begins to negotiate.
   *
   * @param logins What a server says about its logins, if it takes any.
   */
  begin(logins?: string): void {
    if (this.#state.kind === "negotiating") this.#state.negotiation.begin(logins);
  }

  /** Resolves when both ends have agreed on a dialect; rejects if the connection ends before. */
  get ready(): Promise<void> {
    if (this.#state.kind === "negotiating") return this.#state.negotiation.ready;
    const outcome = new Outcome<void>();
    if (this.#agreement !== undefined) outcome.resolve();
    else outcome.reject(notReady(this.reason));
    return outcome.promise;
  }

  /**
   * Resolves when the connection has ended and everything is cleaned up: to the reason, or
   * undefined if it ended on purpose.
   */
  get closed(): Promise<Error | undefined> {
    return (this.#closed ??= new Outcome()).promise;
  }

  /** The dialect that both ends have agreed on, once they have. */
  get dialect(): AgreedDialect | undefined {
    return this.#agreement?.dialect;
  }

  /**
   * Takes what the server has said about its logins, which is good for one login.
   *
   * @returns The text; undefined if it has said nothing, or it was taken before.
   */
  takeLogins(): string | undefined {
    const { dialect, logins } = this.#agreement ?? {};
    if (dialect !== undefined && logins !== undefined) this.#agreement = { dialect };
    return logins;
  }

  /** Whether both ends have yet to agree. */
  get isNegotiating(): boolean {
    return this.#state.kind === "negotiating";
  }

  /** Whether the connection has ended. */
  get isClosed(): boolean {
    return this.#state.kind === "closed";
  }

  /** Why it has ended; undefined if it has not, or if it ended on purpose. */
  get reason(): Error | undefined {
    return this.#state.kind === "closed" ? this.#state.reason : undefined;
  }

  /**
   * Whether we can make calls: not once a close has begun, except while calls are being finished.
   */
  get takesCalls(): boolean {
    const { kind } = this.#state;
    return kind === "draining" || (kind !== "closed" && this.#closing === undefined);
  }

  /**
   * Checks the first bytes while none have been understood.
   *
   * @throws {ProtocolError} If they belong to another protocol.
   */
  check(): void {
    if (this.#state.kind === "negotiating") this.#state.negotiation.check();
  }

  /**
   * Handles the peer's first message.
   *
   * @param reader A reader positioned before it.
   * @throws {ProtocolError} If both ends cannot agree.
   */
  agree(reader: BananaReader): void {
    if (this.#state.kind !== "negotiating") return;
    const { negotiation } = this.#state;
    this.#agreement = negotiation.received(reader);
    this.#state = OPEN;
    // Before the negotiation clears its own alarm, so that the clock need not stop.
    this.#parts.hooks.opened();
    negotiation.succeed();
  }

  /**
   * Closes the connection once what was sent has gone out, or cannot go out within a second.
   *
   * @param options How and why; an error alone is the reason.
   * @returns Resolves when the connection has ended.
   * @throws {RangeError} If the time is not a number from 0 up.
   */
  close(options: CloseOptions | Error): Promise<void> {
    const { graceful = 0, reason } = options instanceof Error ? { reason: options } : options;
    duration("graceful", graceful);
    this.#hasten(graceful);
    this.#closing ??= {
      fault: reason instanceof Error ? reason : undefined,
      ended: this.#close(graceful, reason),
    };
    return this.#closing.ended;
  }

  /**
   * Closes the connection at once because of a fault of the program's own.
   *
   * @param error The fault.
   */
  abandon(error: Error): void {
    this.#closing = { fault: error, ended: this.closed.then(() => {}) };
    this.fail(error);
  }

  /**
   * Closes the connection at once because of a fault.
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

  /**
   * Called when calls have ended: once none is left, a draining connection need not wait any
   * longer.
   */
  callsEnded(): void {
    const state = this.#state;
    if (state.kind !== "draining" || state.step !== "answering") return;
    const { calls, flow, hooks } = this.#parts;
    if (calls.size + hooks.callsWanted === 0 && !flow.isBehind) state.done();
  }

  /**
   * Called when the link has ended.
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
      // Nothing awaits this, and code that waits for the end must hear of it.
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
    // A method that closes its own connection is answered first, as in Twisted.
    await programGoesOn();
    calls.stopAnswering();
    if (!this.isClosed) {
      if (link.output.buffered !== 0) await within(CLOSE_TIMEOUT, link.output.drained(0));
      link.close(reason instanceof Error ? closeReason(reason) : reason ?? NORMAL);
      // Otherwise this would happen only when the pending read has failed, a turn of the event loop
      // later.
      await undefined;
      this.end(undefined, NOTHING);
    }
    await this.closed;
  }

  /** Gives calls that are being finished no more time than this. */
  #hasten(graceful: number): void {
    if (this.#state.kind !== "draining") return;
    if (graceful === 0) this.#state.done();
    else void within(graceful, this.closed).then(() => this.#hasten(0));
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

  /** Returns why the connection has ended; undefined if it ended on purpose. */
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
    // A client whose connection fails learns of it from `ready`.
    if (isFaultOfPeer(reason) && !(isNegotiating && role === "client")) {
      const limit = reason instanceof LimitError ? ` (${reason.limit})` : "";
      const message = `Connection to ${peer.address} closed: ${reason!.message}${limit}`;
      const event = isNegotiating ? "connectionFailed" : "connectionClosed";
      log({ event, level: "warning", message, peer });
    }
    return reason;
  }
}
