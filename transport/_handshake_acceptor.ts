/**
 * Handshakes of many connections at once.
 *
 * @module
 */

import type { Acceptor } from "./_acceptor.ts";
import { outOfTime } from "./_deadline.ts";
import { deadline, positiveInteger } from "./checks.ts";
import { type Alarm, type AlarmPlace, CLOCK } from "./clock.ts";
import { Crowd, hostOf, type Visitor } from "./crowd.ts";
import { factOf, HandshakeError } from "./errors.ts";
import { othersGoOn } from "./event_turn.ts";
import type { Dialed } from "./transport.ts";

/** So many turns of the event loop those get whose handshake runs before one of them is given up. */
const TURNS = 2;

/** What a connection goes through before it counts; it fails when the connection is closed. */
export type Handshake = (dialed: Dialed) => Promise<Dialed>;

/** Options for {@linkcode HandshakeAcceptor}. */
export interface HandshakeOptions {
  /** Milliseconds that a peer has for its handshake; 10,000 unless given. */
  handshakeTimeout?: number;
  /**
   * Most connections in their handshake; 1,024 unless given. One more, and one is given up: the oldest of
   * those that come from the address with most of them, so that who only holds places keeps nobody
   * else out. As many may be through it and wait to be accepted.
   */
  maxHandshakes?: number;
  /** Told of every peer that did not get through; what it throws is dropped. */
  onHandshakeError?: (error: HandshakeError) => void;
}

/** Fills the defaults in; throws a `RangeError` if a number makes no sense. */
export function handshakeOptions(options: HandshakeOptions): Required<HandshakeOptions> {
  const { handshakeTimeout = 10_000, maxHandshakes = 1024, onHandshakeError = () => {} } = options;
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
  /** The handshakes that run. */
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

  /** Starts handshakes while there is room for those that get through. */
  async #pull(): Promise<void> {
    if (this.#isPulling) return;
    this.#isPulling = true;
    const { maxHandshakes } = this.#options;
    while (this.#ready.length < maxHandshakes) {
      const dialed = await this.#source.accept();
      if (dialed === null) break;
      // Of many that come at once, what they said is there, but was not read.
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

  #give(dialed: Dialed): void {
    const resolve = this.#waiting.shift();
    if (resolve === undefined) this.#ready.push(dialed);
    else resolve(dialed);
  }
}

function tooMany(): Error {
  return new Error("too many peers are in their handshake");
}

/** A handshake that runs; given up when its time is over. */
class Running implements Alarm, Visitor {
  readonly delay: number;
  /** Where the peer is. */
  readonly host: string;
  place: AlarmPlace | undefined;
  /** Why it was given up, if it was. */
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
