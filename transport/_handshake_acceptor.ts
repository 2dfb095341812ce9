/**
 * Handshakes of many connections at once.
 *
 * @module
 */

import type { Acceptor } from "./_acceptor.ts";
import { withDeadline } from "./_deadline.ts";
import { factOf, HandshakeError } from "./errors.ts";
import type { Dialed } from "./transport.ts";

/** What a connection goes through before it counts. */
export type Handshake = (dialed: Dialed, signal: AbortSignal) => Promise<Dialed>;

/** Options for {@linkcode HandshakeAcceptor}. */
export interface HandshakeOptions {
  /** Milliseconds that a peer has for its handshake; 10,000 unless given. */
  handshakeTimeout?: number;
  /** Most connections in their handshake, or through it and not yet accepted; 128 unless given. */
  maxHandshakes?: number;
  /** Told of every peer that did not get through. */
  onHandshakeError?: (error: HandshakeError) => void;
}

/** Gives out connections that are through their handshake; a slow one does not hold up the others. */
export class HandshakeAcceptor implements Acceptor {
  readonly #source: Acceptor;
  readonly #handshake: Handshake;
  readonly #options: Required<HandshakeOptions>;
  readonly #closing = new AbortController();
  readonly #ready: Dialed[] = [];
  readonly #waiting: ((dialed: Dialed | null) => void)[] = [];
  #pending = 0;
  #pulling = false;

  constructor(source: Acceptor, handshake: Handshake, options: HandshakeOptions) {
    const { handshakeTimeout = 10_000, maxHandshakes = 128, onHandshakeError = () => {} } = options;
    this.#source = source;
    this.#handshake = handshake;
    this.#options = { handshakeTimeout, maxHandshakes, onHandshakeError };
    void this.#pull();
  }

  accept(): Promise<Dialed | null> {
    const dialed = this.#ready.shift();
    const accepted = dialed !== undefined || this.#closing.signal.aborted
      ? Promise.resolve(dialed ?? null)
      : new Promise<Dialed | null>((resolve) => this.#waiting.push(resolve));
    void this.#pull();
    return accepted;
  }

  close(): void {
    if (this.#closing.signal.aborted) return;
    this.#source.close();
    this.#closing.abort();
    const reason = { kind: "goingAway", message: "server closed" } as const;
    for (const { transport } of this.#ready.splice(0)) transport.close(reason);
    for (const resolve of this.#waiting.splice(0)) resolve(null);
  }

  /** Starts handshakes while there is room for more. */
  async #pull(): Promise<void> {
    if (this.#pulling) return;
    this.#pulling = true;
    while (this.#pending + this.#ready.length < this.#options.maxHandshakes) {
      const dialed = await this.#source.accept();
      if (dialed === null) break;
      void this.#run(dialed);
    }
    this.#pulling = false;
  }

  async #run(dialed: Dialed): Promise<void> {
    const { signal } = this.#closing;
    const { handshakeTimeout: timeout, onHandshakeError } = this.#options;
    this.#pending++;
    try {
      const done = await withDeadline(
        { timeout, signal },
        (signal) => this.#handshake(dialed, signal),
      );
      if (signal.aborted) done.transport.close();
      else this.#give(done);
    } catch (error) {
      dialed.transport.close();
      if (signal.aborted) return;
      const { address } = dialed.peer;
      onHandshakeError(
        error instanceof HandshakeError
          ? error
          : new HandshakeError(address, factOf(error), { cause: error }),
      );
    } finally {
      this.#pending--;
      void this.#pull();
    }
  }

  #give(dialed: Dialed): void {
    const resolve = this.#waiting.shift();
    if (resolve === undefined) this.#ready.push(dialed);
    else resolve(dialed);
  }
}
