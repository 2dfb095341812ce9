/**
 * The options and states of a session.
 *
 * @module
 */

import type { ICredentials } from "../../cred/credentials.ts";
import type { Broker } from "../connection/broker.ts";
import type { RemoteReference } from "../flavors/remote_reference.ts";
import type { LoginOptions } from "../login/login.ts";
import type { Backoff, BackoffOptions } from "./backoff.ts";
import type { ClientOptions } from "./client_factory.ts";

/**
 * The state of a session.
 *
 * @typeParam R What the recipe returns.
 */
export type SessionState<R = unknown> =
  | {
    /** It tries to connect. */
    readonly kind: "connecting";
    /** Number of attempts that have failed in a row. */
    readonly failures: number;
  }
  | {
    /** It is connected, and logged in. */
    readonly kind: "connected";
    /** The URL that it is connected to, without user and password. */
    readonly url: string;
    /** The connection. */
    readonly broker: Broker;
    /** What the recipe returned for this connection. */
    readonly value: R;
  }
  | {
    /** It waits before it tries again. */
    readonly kind: "waiting";
    /** Why it is not connected. */
    readonly reason: Error;
    /** Number of attempts that have failed in a row. */
    readonly failures: number;
    /** Milliseconds that it waits. */
    readonly delay: number;
  }
  | {
    /** It has ended for good. */
    readonly kind: "closed";
    /** Why, if it was not closed on purpose. */
    readonly reason: Error | undefined;
  };

/**
 * Derives what a program needs from the first object of a new connection.
 *
 * @param first The avatar, or the root object if there is no login.
 * @param broker The connection.
 * @returns What users of the session get, until the connection is lost.
 * @typeParam R What it returns.
 * @typeParam T The class of the avatar or the root object.
 */
export type Recipe<R, T = unknown> = (
  first: RemoteReference<T>,
  broker: Broker,
) => R | Promise<R>;

/** Options for {@linkcode openSession}. */
export interface SessionOptions extends ClientOptions {
  /** As whom to log in. Defaults to the user in the URL; if it names none, there is no login. */
  credentials?: ICredentials;
  /** An object of ours that the avatar may call, or null; it is passed at each login. */
  mind?: unknown;
  /** How to log in. */
  login?: LoginOptions;
  /**
   * How long to wait between attempts: a function, or options to make one with `backoff`. Defaults
   * to `backoff()`.
   */
  backoff?: Backoff | BackoffOptions;
  /**
   * Milliseconds for an attempt, up to the end of the recipe, or `Infinity`. Defaults to 60,000.
   */
  attemptTimeout?: number;
  /** Milliseconds after which a lost connection counts as having been good. Defaults to 10,000. */
  stableAfter?: number;
  /**
   * Milliseconds that users of the session wait for a connection, 0 not to wait, or `Infinity`.
   * Defaults to 30,000.
   */
  wait?: number | undefined;
  /**
   * Returns whether an error is final, so that the session closes with it; asked once about each,
   * and about the `AggregateError` when none of several URLs could be used. By default, that is so
   * for wrong credentials (`UnauthorizedLogin`) and those that the server cannot handle
   * (`UnhandledCredentials`).
   */
  giveUp?: (reason: Error) => boolean;
  /** Makes a connection. Defaults to `connect`. */
  connect?: (url: string, options: ClientOptions) => Promise<Broker>;
  /**
   * Called with every state as it is entered; `session.states()` knows the type of what the recipe
   * returned.
   */
  onState?: (state: SessionState) => void;
  /** Closes the session when it aborts. */
  signal?: AbortSignal | undefined;
}

/** Options for using a session. */
export interface UseOptions {
  /**
   * Milliseconds to wait for a connection, 0 not to wait, or `Infinity`. Defaults to that of the
   * session.
   */
  wait?: number | undefined;
  /** Ends the wait. */
  signal?: AbortSignal | undefined;
}
