/**
 * Handshakes of many connections at once.
 *
 * @module
 */

import type { Acceptor } from "./_acceptor.ts";
import { outOfTime } from "./_deadline.ts";
import { deadline, positiveInteger } from "./checks.ts";
import { type Alarm, type AlarmPlace, CLOCK } from "./clock.ts";
import { factOf, HandshakeError } from "./errors.ts";
import type { Dialed } from "./transport.ts";

/** What a connection goes through before it counts; it fails when the connection is closed. */
export type Handshake = (dialed: Dialed) => Promise<Dialed>;

/** Options for {@linkcode HandshakeAcceptor}. */
export interface HandshakeOptions {
  /** Milliseconds that a peer has for its handshake; 10,000 unless given. */
  handshakeTimeout?: number;
  /**
   * Most connections in their handshake; 128 unless given. One more, and the oldest is given up: who
   * only holds places keeps nobody out. As many may be through it and wait to be accepted.
   */
  maxHandshakes?: number;
  /** Told of every peer that did not get through; what it throws is dropped. */
  onHandshakeError?: (error: HandshakeError) => void;
}

/** Fills the defaults in; throws a `RangeError` if a number makes no sense. */
export function handshakeOptions(options: HandshakeOptions): Required<HandshakeOptions> {
  const { handshakeTimeout = 10_000, maxHandshakes = 128, onHandshakeError = () => {} } = options;
  deadline("handshakeTimeout", handshakeTimeout);
  positiveInteger("maxHandshakes", maxHandshakes);
  return { handshakeTimeout, maxHandshakes, onHandshakeError };
}

/** Gives out connections that are through their handshake; a slow one does not hold up the others. */
export class HandshakeAcceptor implements Acceptor {
  readonly #source: Acceptor;
  readonly #handshake: Handshake;
  readonly #options: Required<HandshakeOptions>;
  readonly #ready: Dialed[] = [];
  readonly #waiting: ((dialed: Dialed | null) => void)[] = [];
  /** Gives up a handshake that runs; the oldest comes first. */
  readonly #running = new Set<Running>();
  #isPulling = false;
  #isClosed = false;

  constructor(source: Acceptor, handshake: Handshake, options: HandshakeOptions) {
    this.#source = source;
    this.#handshake = handshake;
    this.#options = handshakeOptions(options);
    void this.#pull();
  }

  accept(): Promise<Dialed | null> {
    const dialed = this.#ready.shift();
    const accepted = dialed !== undefined || this.#isClosed
      ? Promise.resolve(dialed ?? null)
      : new Promise<Dialed | null>((resolve) => this.#waiting.push(resolve));
    void this.#pull();
    return accepted;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#source.close();
    for (const running of this.#running) running.giveUp(new Error("server closed"));
    const reason = { kind: "goingAway", message: "server closed" } as const;
    for (const { transport } of this.#ready.splice(0)) transport.close(reason);
    for (const resolve of this.#waiting.splice(0)) resolve(null);
  }

  /** Starts handshakes while there is room for those that get through. */
  async #pull(): Promise<void> {
    if (this.#isPulling) return;
    this.#isPulling = true;
    const { maxHandshakes } = this.#options;
    while (this.#ready.length < maxHandshakes) {
      const dialed = await this.#source.accept();
      if (dialed === null) break;
      if (this.#running.size === maxHandshakes) this.#giveUpOldest();
      void this.#run(dialed);
    }
    this.#isPulling = false;
  }

  async #run(dialed: Dialed): Promise<void> {
    if (this.#isClosed) return dialed.transport.close();
    const { handshakeTimeout: timeout, onHandshakeError } = this.#options;
    const running = new Running(dialed, timeout);
    this.#running.add(running);
    try {
      const done = await this.#handshake(dialed);
      if (running.fault !== undefined) {
        done.transport.close();
        throw running.fault;
      }
      this.#give(done);
    } catch (failure) {
      dialed.transport.close();
      if (this.#isClosed) return;
      // What the handshake died of is a consequence.
      const error = running.fault ?? failure;
      const { address } = dialed.peer;
      const told = error instanceof HandshakeError
        ? error
        : new HandshakeError(address, factOf(error), { cause: error });
      try {
        onHandshakeError(told);
      } catch {
        // No peer may end the program through a fault in it.
      }
    } finally {
      CLOCK.clear(running);
      this.#running.delete(running);
      void this.#pull();
    }
  }

  #giveUpOldest(): void {
    for (const oldest of this.#running) {
      this.#running.delete(oldest);
      return oldest.giveUp(new Error("too many peers are in their handshake"));
    }
  }

  #give(dialed: Dialed): void {
    const resolve = this.#waiting.shift();
    if (resolve === undefined) this.#ready.push(dialed);
    else resolve(dialed);
  }
}

/** A handshake that runs; given up when its time is over. */
class Running implements Alarm {
  readonly delay: number;
  place: AlarmPlace | undefined;
  /** Why it was given up, if it was. */
  fault: Error | undefined;
  readonly #dialed: Dialed;

  constructor(dialed: Dialed, timeout: number) {
    this.#dialed = dialed;
    this.delay = timeout;
    CLOCK.set(this);
  }

  ring(): void {
    this.giveUp(outOfTime(this.delay));
  }

  giveUp(fault: Error): void {
    this.fault ??= fault;
    this.#dialed.transport.close();
  }
}
