/**
 * What a session can be told, and what it tells.
 *
 * @module
 */

import type { ICredentials } from "../cred/credentials.ts";
import type { Backoff } from "./backoff.ts";
import type { Broker } from "./broker.ts";
import type { ClientOptions } from "./factory.ts";
import type { LoginOptions } from "./login.ts";
import type { RemoteReference } from "./remote_reference.ts";

/**
 * Where a session is in its life.
 *
 * @typeParam R What the recipe gives.
 */
export type SessionState<R = unknown> =
  | {
    /** It tries to connect. */
    readonly kind: "connecting";
    /** How many attempts have failed in a row. */
    readonly failures: number;
  }
  | {
    /** It is connected, and logged in. */
    readonly kind: "connected";
    /** The URL that it is connected to, without user and password. */
    readonly url: string;
    /** The connection. */
    readonly broker: Broker;
    /** What the recipe gave for this connection. */
    readonly value: R;
  }
  | {
    /** It waits before it tries again. */
    readonly kind: "waiting";
    /** Why it is not connected. */
    readonly reason: Error;
    /** How many attempts have failed in a row. */
    readonly failures: number;
    /** How long it waits, in milliseconds. */
    readonly delay: number;
  }
  | {
    /** It has ended for good. */
    readonly kind: "closed";
    /** Why, if it was not closed on purpose. */
    readonly reason: Error | undefined;
  };

/**
 * Derives what a program needs from what a new connection begins with.
 *
 * @param first The avatar, or the root object where nobody logs in.
 * @param broker The connection.
 * @returns What the session's users get, until the connection is lost.
 * @typeParam R What it gives.
 * @typeParam T The class of the avatar or the root object.
 */
export type Recipe<R, T = unknown> = (
  first: RemoteReference<T>,
  broker: Broker,
) => R | Promise<R>;

/** Options for {@linkcode openSession}. */
export interface SessionOptions extends ClientOptions {
  /** As whom to log in; as the user in the URL unless given, and not at all if there is none. */
  credentials?: ICredentials;
  /** An object of ours that the avatar may call, or null; it is given at each login. */
  mind?: unknown;
  /** How to log in. */
  login?: LoginOptions;
  /** How long to wait between attempts; `backoff()` unless given. */
  backoff?: Backoff;
  /** Milliseconds for one attempt, until the recipe is done, or `Infinity`; 60,000 unless given. */
  attemptTimeout?: number;
  /** Milliseconds after which a connection that is lost counts as one that was good; 10,000 unless given. */
  stableAfter?: number;
  /** Milliseconds that users of the session wait for a connection, 0 for not at all, or `Infinity`; 30,000 unless given. */
  wait?: number | undefined;
  /**
   * Tells for which errors not to try again: the session closes with it. Wrong credentials (`UnauthorizedLogin`) and
   * those that the server cannot handle (`UnhandledCredentials`) unless given.
   */
  giveUp?: (reason: Error) => boolean;
  /** Makes a connection; `connect` unless given. */
  connect?: (url: string, options: ClientOptions) => Promise<Broker>;
  /** Called with every state, as it is entered; `session.states()` knows the type of what the recipe gave. */
  onState?: (state: SessionState) => void;
  /** Closes the session when it aborts. */
  signal?: AbortSignal | undefined;
}

/** Options for using a session. */
export interface UseOptions {
  /** Milliseconds to wait for a connection, 0 for not at all, or `Infinity`; as the session's options say unless given. */
  wait?: number | undefined;
  /** Ends the waiting. */
  signal?: AbortSignal | undefined;
}
