/**
 * Runs the handshakes of many connections at once.
 *
 * @module
 */

import { deadline, positiveInteger } from "../base/checks.ts";
import { type Alarm, type AlarmPlace, CLOCK } from "../base/clock.ts";
import { Crowd, hostOf, type Visitor } from "../base/crowd.ts";
import { outOfTime } from "../base/deadline.ts";
import { factOf, HandshakeError } from "../base/errors.ts";
import { othersGoOn } from "../base/event_turn.ts";
import type { Dialed } from "../base/transport.ts";
import type { Acceptor } from "../stream/acceptor.ts";

/**
 * Number of turns of the event loop that running handshakes get before one of them is abandoned.
 */
const TURNS = 2;

/** What a connection must complete before it is accepted; rejects when the connection is closed. */
export type Handshake = (dialed: Dialed) => Promise<Dialed>;

/** Options for {@linkcode HandshakeAcceptor}. */
export interface HandshakeOptions {
  /** Milliseconds in which a peer must complete its handshake. Defaults to 10,000. */
  handshakeTimeout?: number;
  /**
   * Maximum number of connections in their handshake. When one more arrives, one is dropped: the
   * oldest from the address with the most connections, so that a peer that only takes up room shuts
   * nobody else out. As many again may have completed their handshake and wait to be accepted.
   * Defaults to 1,024.
   */
  maxHandshakes?: number;
  /** Called for every peer whose handshake fails; what it throws is ignored. */
  onHandshakeError?: (error: HandshakeError) => void;
}

/** Fills in the defaults; throws a `RangeError` if a number makes no sense. */
export function handshakeOptions(options: HandshakeOptions): Required<HandshakeOptions> {
  const { handshakeTimeout = 10_000, maxHandshakes = 1024, onHandshakeError = () => {} } = options;
  deadline("handshakeTimeout", handshakeTimeout);
  positiveInteger("maxHandshakes", maxHandshakes);
  return { handshakeTimeout, maxHandshakes, onHandshakeError };
}

/**
 * Accepts connections that have completed their handshake; a slow one does not hold up the others.
 */
export class HandshakeAcceptor implements Acceptor {
  readonly #source: Acceptor;
  readonly #handshake: Handshake;
  readonly #options: Required<HandshakeOptions>;
  readonly #ready: Dialed[] = [];
  readonly #waiting: ((dialed: Dialed | null) => void)[] = [];
  /** The running handshakes. */
  readonly #running = new Crowd<Running>();
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

  /** Starts handshakes while there is room for the connections that complete them. */
  async #pull(): Promise<void> {
    if (this.#isPulling) return;
    this.#isPulling = true;
    const { maxHandshakes } = this.#options;
    while (this.#ready.length < maxHandshakes) {
      const dialed = await this.#source.accept();
      if (dialed === null) break;
      // When many arrive at once, what they sent has arrived too, but has not been read yet.
      for (let left = TURNS; left > 0 && this.#running.size >= maxHandshakes; left--) {
        await othersGoOn();
      }
      if (this.#running.size >= maxHandshakes) this.#running.takeOne()!.giveUp(tooMany());
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
      // The handshake's own error is only a consequence.
      const error = running.fault ?? failure;
      const { address } = dialed.peer;
      const told = error instanceof HandshakeError
        ? error
        : new HandshakeError(address, factOf(error), { cause: error });
      try {
        onHandshakeError(told);
      } catch {
        // No peer may end the program through a fault in the callback.
      }
    } finally {
      CLOCK.clear(running);
      this.#running.delete(running);
      void this.#pull();
    }
  }

  #give(dialed: Dialed): void {
    const resolve = this.#waiting.shift();
    if (resolve === undefined) this.#ready.push(dialed);
    else resolve(dialed);
  }
}

function tooMany(): Error {
  return new Error("too many handshakes at once");
}

/** A running handshake, abandoned when its time is up. */
class Running implements Alarm, Visitor {
  readonly delay: number;
  /** Address of the peer, without the port. */
  readonly host: string;
  place: AlarmPlace | undefined;
  /** Why it was abandoned, if it was. */
  fault: Error | undefined;
  readonly #dialed: Dialed;

  constructor(dialed: Dialed, timeout: number) {
    this.#dialed = dialed;
    this.host = hostOf(dialed.peer.address);
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
