/**
 * Accepts connections from a listening socket.
 *
 * @module
 */

import { AcceptError, factOf, ListenError } from "../base/errors.ts";
import { Spell } from "../base/spell.ts";
import type { Dialed } from "../base/transport.ts";
import { tcpDialed, unixDialed } from "./socket.ts";

/**
 * Milliseconds to wait when the system cannot supply a connection, for lack of file handles, say.
 */
const PAUSE = 100;

/** A source of connections, one at a time. */
export interface Acceptor {
  /** Waits for the next connection; returns `null` once closed. */
  accept(): Promise<Dialed | null>;
  /** Stops accepting; may be called twice. */
  close(): void;
}

/** Options for accepting connections. */
export interface AcceptOptions {
  /**
   * Called when the system cannot supply a connection, for lack of file handles, say, and accepting
   * is retried. It is called once for a series of such failures, which ends after ten seconds
   * without any. What it throws is ignored.
   */
  onAcceptError?: (error: AcceptError) => void;
}

/** Accepts TCP connections. */
export class TcpAcceptor implements Acceptor {
  readonly #listener: Deno.TcpListener;
  readonly #life: AcceptorLife;

  constructor(listener: Deno.TcpListener, options: AcceptOptions = {}) {
    this.#listener = listener;
    this.#life = new AcceptorLife(options);
  }

  accept(): Promise<Dialed | null> {
    return this.#life.persist(async () => tcpDialed(await this.#listener.accept()));
  }

  close(): void {
    this.#life.end(() => this.#listener.close());
  }
}

/** Options for {@linkcode UnixAcceptor}. */
export interface UnixAcceptOptions extends AcceptOptions {
  /** Permissions of the socket's file. Defaults to those of any new file of the process. */
  mode?: number;
}

/** Accepts connections to a Unix socket, whose file it creates; Deno removes it on closing. */
export class UnixAcceptor implements Acceptor {
  readonly #path: string;
  readonly #mode: number | undefined;
  readonly #life: AcceptorLife;
  readonly #opening: Promise<void> | undefined;
  #listener: Deno.UnixListener | undefined;

  /**
   * Opens the socket; if its file already exists, first checks whether a server still answers on
   * it.
   *
   * @throws {Deno.errors.NotFound} If the folder does not exist; other failures throw the system's
   * error too.
   */
  constructor(path: string, options: UnixAcceptOptions = {}) {
    this.#path = path;
    this.#mode = options.mode;
    this.#life = new AcceptorLife(options);
    try {
      this.#open();
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
      this.#opening = this.#takeOver();
      // Reported by accept().
      this.#opening.catch(() => {});
    }
  }

  async accept(): Promise<Dialed | null> {
    await this.#opening;
    return await this.#life.persist(async () =>
      unixDialed(await this.#listener!.accept(), this.#path)
    );
  }

  close(): void {
    this.#life.end(() => this.#listener?.close());
  }

  #open(): void {
    const listener = Deno.listen({ transport: "unix", path: this.#path });
    try {
      if (this.#mode !== undefined) Deno.chmodSync(this.#path, this.#mode);
    } catch (error) {
      listener.close();
      throw error;
    }
    this.#listener = listener;
  }

  /** Replaces the socket file that a server left behind. */
  async #takeOver(): Promise<void> {
    try {
      const file = Deno.lstatSync(this.#path);
      if (!file.isSocket) throw new Error("a file that is not a socket is there");
      const isTaken = await answers(this.#path) || !isSame(file, Deno.lstatSync(this.#path));
      if (this.#life.ended) return;
      if (isTaken) throw new Error("another server is listening there");
      Deno.removeSync(this.#path);
      this.#open();
    } catch (error) {
      throw new ListenError(`pb+unix://${this.#path}`, factOf(error), { cause: error });
    }
  }
}

/** Returns whether a server is listening on a socket file. */
async function answers(path: string): Promise<boolean> {
  try {
    (await Deno.connect({ transport: "unix", path })).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return false;
    throw error;
  }
}

/** Returns whether a file is still the same: another server may have replaced it. */
function isSame(before: Deno.FileInfo, now: Deno.FileInfo): boolean {
  return before.ino === now.ino && before.mtime?.getTime() === now.mtime?.getTime();
}

/** The life of an acceptor, which ends only on request. */
class AcceptorLife {
  readonly #end = Promise.withResolvers<void>();
  readonly #options: AcceptOptions;
  readonly #trouble = new Spell();
  ended = false;

  constructor(options: AcceptOptions) {
    this.#options = options;
  }

  end(close: () => void): void {
    if (this.ended) return;
    this.ended = true;
    this.#end.resolve();
    close();
  }

  /** Tries until there is a connection; returns `null` once the life has ended. */
  async persist(accept: () => Promise<Dialed>): Promise<Dialed | null> {
    while (!this.ended) {
      try {
        return await accept();
      } catch (error) {
        if (this.ended) break;
        if (isOfConnection(error)) continue;
        if (this.#trouble.begins()) this.#tell(error);
        let timer: ReturnType<typeof setTimeout> | undefined;
        const pause = new Promise((resolve) => timer = setTimeout(resolve, PAUSE));
        await Promise.race([pause, this.#end.promise]);
        clearTimeout(timer);
      }
    }
    return null;
  }

  #tell(error: unknown): void {
    try {
      this.#options.onAcceptError?.(new AcceptError(factOf(error), { cause: error }));
    } catch {
      // Keep accepting.
    }
  }
}

/**
 * Returns whether it was the connection that failed, reset before it was accepted: the next may be
 * fine.
 */
function isOfConnection(error: unknown): boolean {
  const { NotConnected, ConnectionReset, ConnectionAborted } = Deno.errors;
  return [NotConnected, ConnectionReset, ConnectionAborted].some((kind) => error instanceof kind);
}
