/**
 * A session with a server that outlives its connections.
 *
 * @module
 */

import { UnauthorizedLogin, UnhandledCredentials } from "../../cred/errors.ts";
import {
  deadline,
  duration,
  MAX_TIMEOUT,
  milliseconds,
  millisecondsOrNone,
} from "../../transport/base/checks.ts";
import { orAborted, withDeadline } from "../../transport/base/deadline.ts";
import { checkDialNumbers } from "../../transport/dial_checks.ts";
import { parseUrl, type PBUrl } from "../../transport/mod.ts";
import type { Broker } from "../connection/broker.ts";
import type { CloseOptions } from "../connection/close_options.ts";
import { brokerSettings } from "../connection/options.ts";
import { causedBy } from "../errors/caused_by.ts";
import { GoingAwayError, NotConnectedError, PBConnectionLost } from "../errors/errors.ts";
import { noOperation } from "../errors/failure.ts";
import { RemoteError } from "../errors/remote_error.ts";
import { toError } from "../errors/to_error.ts";
import type { RemoteReference } from "../flavors/remote_reference.ts";
import { callLogged, type Log } from "../log/log.ts";
import { type Backoff, backoff } from "./backoff.ts";
import { connect } from "./connect.ts";
import type { Recipe, SessionOptions, SessionState, UseOptions } from "./session_options.ts";
import { credentialsIn } from "./url_credentials.ts";

/**
 * Maximum number of connections that the session has left, and over which calls are being finished.
 */
const MAX_LEAVING = 8;
/** The errors of the runtime that code with a mistake in it throws. */
const MISTAKES = [TypeError, ReferenceError, RangeError];

/**
 * Keeps a connection to a server: whenever it is lost, the session connects again, logs in again,
 * and derives again the references that a program needs. `openSession` creates one.
 *
 * Each call over it is made at most once: a call whose connection is lost before the answer arrives
 * rejects, as the server may have received it.
 *
 * @typeParam R What the recipe returns.
 */
export class Session<R = RemoteReference> implements AsyncDisposable {
  /**
   * Resolves when the session has ended for good, and no call is being finished any more: to the
   * reason, or undefined if it ended on purpose.
   */
  readonly closed: Promise<Error | undefined>;
  readonly #targets: readonly Target[];
  readonly #recipe: Recipe<R>;
  readonly #options: SessionOptions;
  readonly #wait: number;
  readonly #attemptTimeout: number;
  readonly #stableAfter: number;
  readonly #backoff: Backoff;
  readonly #giveUp: (reason: Error) => boolean;
  readonly #log: Log;
  /** Aborts when the session is closed. */
  readonly #end = new AbortController();
  #phase: Phase<R> = connecting(0);
  /** Called at the next change of state. */
  readonly #waiting = new Set<() => void>();
  /** Why it is not connected, or why it last was not. */
  #reason: Error | undefined;
  /** What was logged since it last was connected, most recently. */
  #logged: string | undefined;
  #closeOptions: CloseOptions = {};
  /** Connections that the session has left, and over which calls are being finished. */
  readonly #leaving = new Set<Broker>();

  /**
   * Creates a session, which starts connecting.
   *
   * @param urls Where to connect; they are tried in this order at each attempt.
   * @param options Everything else.
   * @param recipe Derives what users of the session get.
   * @throws {TypeError} If a URL cannot be used, or there is none.
   * @throws {RangeError} If a limit, a time, or an option of `backoff` is out of range.
   */
  constructor(
    urls: string | URL | readonly (string | URL)[],
    options: SessionOptions,
    recipe: Recipe<R>,
  ) {
    const { wait = 30_000, attemptTimeout = 60_000, stableAfter = 10_000, signal } = options;
    this.#targets = [urls].flat().map((url) => ({ ...parseUrl(url), url: String(url) }));
    if (this.#targets.length === 0) throw new TypeError("Cannot open session: there is no URL");
    this.#options = options;
    this.#recipe = recipe;
    this.#wait = checkWait(wait);
    this.#attemptTimeout = deadline("attemptTimeout", attemptTimeout);
    this.#stableAfter = milliseconds("stableAfter", stableAfter);
    const { backoff: waits } = options;
    this.#backoff = typeof waits === "function" ? waits : backoff(waits);
    this.#giveUp = options.giveUp ?? isHopeless;
    // Options with which no attempt could be made are refused now.
    checkDialNumbers(options);
    this.#log = brokerSettings(options).log;
    const abort = () => this.#close(toError(signal?.reason));
    signal?.addEventListener("abort", abort, { once: true });
    if (signal?.aborted) abort();
    this.closed = this.#run().finally(() => signal?.removeEventListener("abort", abort));
  }

  /** The current state of the session. */
  get state(): SessionState<R> {
    return this.#phase.state;
  }

  /**
   * Follows the state: yields the current one, then each new one, until the session is closed. A
   * slow consumer misses some, but never the last; `onState` gets them all.
   *
   * @returns The states.
   */
  async *states(): AsyncGenerator<SessionState<R>, void, undefined> {
    let seen: SessionState<R> | undefined;
    do {
      if (this.state === seen) await this.#change();
      seen = this.state;
      yield seen;
    } while (seen.kind !== "closed");
  }

  /**
   * Waits until the session is connected.
   *
   * @param options How long to wait.
   * @returns What the recipe returned; valid until the connection is lost.
   * @throws {NotConnectedError} If it is not connected in time, or is closed.
   * @throws {RangeError} If the time is out of range.
   * @throws {unknown} The reason of the signal, if it aborts first.
   */
  async ready(options: UseOptions = {}): Promise<R> {
    const { wait = this.#wait, signal } = options;
    const timeout = checkWait(wait);
    const tooLate = () => this.#notConnected(wait);
    return await withDeadline({ timeout, signal, tooLate }, async (signal) => {
      for (;;) {
        const { state } = this;
        if (this.#isUsable(state)) return state.value;
        if (state.kind === "closed" || wait === 0) throw this.#notConnected(wait);
        await this.#change(signal);
      }
    });
  }

  /** Whether there is a connection, over which the other end takes calls as far as is known. */
  #isUsable(state: SessionState<R>): state is StateOf<R, "connected"> {
    return state.kind === "connected" && state.broker.takesCalls &&
      !this.#leaving.has(state.broker);
  }

  /** Waits for the next change of state. */
  async #change(signal?: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    try {
      await (signal === undefined ? promise : orAborted(promise, signal));
    } finally {
      this.#waiting.delete(resolve);
    }
  }

  /**
   * Does some work over the connection, once there is one. It is done at most once: if the
   * connection is lost meanwhile, it fails.
   *
   * @example
   * ```ts
   * import { openSession, Root, serve } from "@perspective/broker/broker";
   * import { assertEquals } from "@std/assert";
   *
   * class Echo extends Root {
   *   remote_echo(text: string): string {
   *     return text;
   *   }
   * }
   * await using server = serve(new Echo(), { hostname: "127.0.0.1", port: 0 });
   * await using session = openSession<Echo>(server.url);
   * assertEquals(await session.use((echo) => echo.callRemote("echo", "hi")), "hi");
   * ```
   *
   * @param work Receives what the recipe returned.
   * @param options How long to wait for a connection.
   * @returns What the work returns.
   * @throws {NotConnectedError} If there is no connection in time; nothing was done then.
   * @throws {RangeError} If the time is out of range.
   * @throws {unknown} The reason of the signal, if it aborts first; or what the work throws.
   */
  async use<T>(work: (value: R) => T | Promise<T>, options?: UseOptions): Promise<T> {
    for (;;) {
      await this.ready(options);
      const { state } = this;
      // Nothing may happen between the check and the work.
      if (!this.#isUsable(state)) continue;
      try {
        return await work(state.value);
      } catch (error) {
        // It may also be the other end of another connection.
        if (error instanceof GoingAwayError && state.broker.isPeerGoingAway) {
          this.#leave(state.broker);
        }
        throw error;
      }
    }
  }

  /**
   * Tries to connect now if the session is waiting: for programs that learn that the network is
   * back.
   */
  retry(): void {
    if (this.#phase.kind === "waiting") this.#phase.wake();
  }

  /**
   * Ends the session for good. A second call waits for the first.
   *
   * @param options How to close the connection, if there is one.
   * @returns Resolves when it has ended.
   * @throws {RangeError} If `graceful` is not a number of at least 0; the session goes on then.
   */
  async close(options: CloseOptions = {}): Promise<void> {
    duration("graceful", options.graceful ?? 0);
    this.#close(undefined, options);
    await this.closed;
  }

  /** Same as {@linkcode Session.close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #close(reason: Error | undefined, options: CloseOptions = {}): void {
    if (!this.#end.signal.aborted && this.#phase.kind !== "closed") {
      this.#reason = reason;
      this.#closeOptions = options;
      this.#end.abort(new NotConnectedError("Cannot connect: the session is closed"));
    }
    if (this.state.kind === "connected") void this.state.broker.close(options);
    for (const broker of this.#leaving) void broker.close(options);
    // Ends the wait before the next attempt, which is not made any more.
    this.retry();
  }

  /** Runs the session, and returns why it ended. */
  async #run(): Promise<Error | undefined> {
    // The caller gets the session before it is notified of its first state.
    await undefined;
    try {
      await this.#live();
    } catch (error) {
      // Of all that is called there, only `giveUp` and `backoff` can throw.
      this.#log({ event: "callbackFailed", level: "error", message: "A callback failed", error });
      this.#reason = toError(error);
    }
    const reason = this.#reason;
    // Nobody need wait any longer for a connection, although calls may yet be finished over old ones.
    this.#enter({ kind: "closed", state: { kind: "closed", reason } });
    await Promise.all(Array.from(this.#leaving, (broker) => broker.closed));
    return reason;
  }

  async #live(): Promise<void> {
    const { signal } = this.#end;
    // The first phase is the one it is in already, which followers of its states see only once.
    let phase = this.#phase;
    for (let failures = 0; !signal.aborted; phase = connecting(failures)) {
      this.#enter(phase);
      const outcome = await this.#connect();
      const hasFailed = outcome.kind === "failed";
      const connectedAt = hasFailed ? Infinity : Date.now();
      const reason = hasFailed ? outcome.reason : await this.#stay(outcome);
      if (signal.aborted) break;
      this.#reason = reason;
      if (hasFailed ? outcome.isFinal : this.#giveUp(reason)) {
        this.#logReason("ended", reason);
        break;
      }
      const wasStable = Date.now() - connectedAt >= this.#stableAfter;
      failures = wasStable ? 1 : failures + 1;
      // A server that goes away may already have been replaced.
      if (wasStable && reason instanceof GoingAwayError) continue;
      const delay = this.#backoff(failures);
      duration("backoff", delay);
      // A callback may have closed the session.
      if (signal.aborted) break;
      if (hasFailed) this.#logFailure(reason, delay);
      await this.#pause({ reason, failures, delay });
    }
  }

  /** Logs why an attempt has failed, unless that is why the one before it did. */
  #logFailure(reason: Error, delay: number): void {
    const why = String(reason);
    if (why === this.#logged) return;
    this.#logged = why;
    this.#logReason(`failed, next attempt in ${delay} ms`, reason);
  }

  #logReason(what: string, reason: Error): void {
    const subject = `Session with "${this.#targets[0]!.href}" ${what}`;
    const event = "sessionFailed";
    const error = mistakeIn(reason);
    if (error === undefined) {
      this.#log({ event, level: "warning", message: `${subject}: ${reason}` });
    } else {
      const message = `${subject}: this program seems to be at fault`;
      this.#log({ event, level: "error", message, error });
    }
  }

  #enter(phase: Phase<R>): void {
    this.#phase = phase;
    for (const wake of this.#waiting) wake();
    callLogged([() => this.#options.onState?.(phase.state)], this.#log);
  }

  /** Tries one URL after another. */
  async #connect(): Promise<Connected<R> | Failed> {
    const errors: Error[] = [];
    for (const target of this.#targets) {
      try {
        return await this.#attempt(target);
      } catch (error) {
        const reason = toError(error);
        const isFinal = this.#end.signal.aborted || this.#giveUp(reason);
        if (isFinal || this.#targets.length === 1) return { kind: "failed", reason, isFinal };
        errors.push(reason);
      }
    }
    const facts = errors.map(({ message }) => message).join("; ");
    const message = `Cannot connect to any of ${errors.length} URLs: ${facts}`;
    const reason = new AggregateError(errors, message);
    return { kind: "failed", reason, isFinal: this.#giveUp(reason) };
  }

  #attempt(target: Target): Promise<Connected<R>> {
    const { signal } = this.#end;
    const tooLate = (timeout: number) => {
      const fact = `it was not ready within ${timeout} ms`;
      return new NotConnectedError(`Cannot open session with "${target.href}": ${fact}`);
    };
    return withDeadline({ timeout: this.#attemptTimeout, signal, tooLate }, async (signal) => {
      const broker = await this.#dial(target, signal);
      try {
        return await orAborted(this.#begin(target, broker), signal);
      } catch (error) {
        await broker.close();
        throw error;
      }
    });
  }

  #dial({ url }: Target, signal: AbortSignal): Promise<Broker> {
    const { connect: own } = this.#options;
    const options = { ...this.#options, signal };
    return own === undefined ? connect(url, options) : orClosed(own(url, options), signal);
  }

  /** Logs in, if there are credentials, and follows the recipe. */
  async #begin(target: Target, broker: Broker): Promise<Connected<R>> {
    const { credentials = credentialsIn(target), mind = null, login } = this.#options;
    const first = credentials === undefined
      ? broker.root()
      : await broker.login(credentials, mind, login);
    const value = await this.#recipe(first, broker);
    const state = { kind: "connected", url: target.href, broker, value } as const;
    return { kind: "connected", state, first, left: Promise.withResolvers() };
  }

  /** Waits until the connection is lost or left, and returns why. */
  async #stay(connected: Connected<R>): Promise<Error> {
    const { state: { broker }, left } = connected;
    this.#logged = undefined;
    this.#enter(connected);
    // A callback, or something before it, may have closed the session.
    if (this.#end.signal.aborted) void broker.close(this.#closeOptions);
    return await Promise.race([broker.closed, left.promise]) ??
      new PBConnectionLost("Cannot go on: the other end closed the connection");
  }

  /**
   * Leaves a connection whose peer goes away, to look for another; calls under way are finished.
   */
  #leave(broker: Broker): void {
    const phase = this.#phase;
    if (phase.kind !== "connected" || phase.state.broker !== broker) return;
    // A server could be going away forever, and never answer the calls under way.
    const [oldest] = this.#leaving;
    if (this.#leaving.size >= MAX_LEAVING) void oldest!.close();
    this.#leaving.add(broker);
    broker.closed.then(() => this.#leaving.delete(broker));
    void broker.close({ graceful: Infinity });
    phase.left.resolve(new GoingAwayError("Cannot go on: the other end goes away"));
  }

  async #pause(facts: Omit<StateOf<R, "waiting">, "kind">): Promise<void> {
    // So may the log.
    if (this.#end.signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, Math.min(facts.delay, MAX_TIMEOUT));
    const state = { kind: "waiting", ...facts } as const;
    this.#enter({ kind: "waiting", state, wake: resolve });
    await promise;
    clearTimeout(timer);
  }

  #notConnected(wait: number): NotConnectedError {
    const { href } = this.#targets[0]!;
    const cause = this.#reason;
    const fact = this.state.kind === "closed"
      ? "it is closed"
      : `not connected${wait === 0 ? "" : ` within ${wait} ms`}`;
    const why = cause === undefined ? "" : `: ${cause.message}`;
    return new NotConnectedError(
      `Cannot use session with "${href}": ${fact}${why}`,
      causedBy(cause),
    );
  }
}

/** A place to connect to. */
interface Target extends PBUrl {
  /** The URL as it was given, perhaps with a password. */
  readonly url: string;
}

/** The public state of a session, with what the session itself needs while it lasts. */
type Phase<R> =
  | { readonly kind: "connecting"; readonly state: StateOf<R, "connecting"> }
  | Connected<R>
  | { readonly kind: "waiting"; readonly state: StateOf<R, "waiting">; readonly wake: () => void }
  | { readonly kind: "closed"; readonly state: StateOf<R, "closed"> };

/** The phase of a session that is connected. */
interface Connected<R> {
  readonly kind: "connected";
  readonly state: StateOf<R, "connected">;
  /** Kept because a user whose avatar was garbage collected would be logged out. */
  readonly first: RemoteReference;
  /** Resolved to leave the connection, as its peer goes away. */
  readonly left: PromiseWithResolvers<GoingAwayError>;
}

/** Why no URL could be used. */
interface Failed {
  readonly kind: "failed";
  readonly reason: Error;
  /** Whether not to try again. */
  readonly isFinal: boolean;
}

type StateOf<R, Kind> = Extract<SessionState<R>, { kind: Kind }>;

function connecting<R>(failures: number): Phase<R> {
  return { kind: "connecting", state: { kind: "connecting", failures } };
}

function isHopeless(reason: Error): boolean {
  return reason instanceof UnauthorizedLogin || reason instanceof UnhandledCredentials;
}

/**
 * Finds an error that is due to a mistake in this program, rather than to the server or the network.
 */
function mistakeIn(reason: Error): unknown {
  const errors: unknown[] = reason instanceof AggregateError ? reason.errors : [reason];
  return errors.find((error) =>
    !(error instanceof RemoteError) && MISTAKES.some((mistake) => error instanceof mistake)
  );
}

function checkWait(wait: number): number {
  return wait === Infinity ? wait : millisecondsOrNone("wait", wait);
}

/** Waits for a connection; one that arrives after the signal has aborted is closed. */
async function orClosed(dialed: Promise<Broker>, signal: AbortSignal): Promise<Broker> {
  try {
    return await orAborted(dialed, signal);
  } catch (error) {
    dialed.then((late) => late.close(), noOperation);
    throw error;
  }
}
