/**
 * Which end of its connection a broker is.
 *
 * @module
 */

import type { ICredentials } from "../../cred/credentials.ts";
import type { RemoteTarget } from "../flavors/referenceable.ts";
import type { Broker } from "./broker.ts";

/** The end of a connection that a broker is, and what it does there. */
export type BrokerRole = ServerRole | ClientRole;

/** What brokers of both kinds do. */
export interface EitherRole {
  /** Called when both ends have agreed on a dialect, before any call of the peer begins. */
  readonly onOpened?: (broker: Broker) => void;
  /**
   * Called when a connection has ended and everything is cleaned up; the reason is that of
   * {@linkcode Broker.closed}.
   */
  readonly onEnded?: (broker: Broker, reason: Error | undefined) => void;
}

/** The broker of a server, which publishes a root object. */
export interface ServerRole extends EitherRole {
  /** Distinguishes servers from clients. */
  readonly kind: "server";
  /** Returns the root object to publish. */
  readonly rootFor: (broker: Broker) => RemoteTarget;
  /** Returns what is said about the logins that a root object takes, if it takes any. */
  readonly loginsOf: (root: RemoteTarget) => string | undefined;
}

/** The broker of a client, which publishes nothing: its server may call what it is passed. */
export interface ClientRole extends EitherRole {
  /** Distinguishes clients from servers. */
  readonly kind: "client";
  /** Name of the object that {@linkcode Broker.root} refers to. Defaults to `root`. */
  readonly rootName?: string;
  /** The credentials that {@linkcode Broker.login} uses if it is passed none. */
  readonly credentials?: ICredentials | undefined;
  /** Milliseconds to wait for a dialect, if that is less than `negotiationTimeout`. */
  readonly timeout?: number | undefined;
}
