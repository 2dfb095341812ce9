/**
 * Options of a connection: limits, rules, logging.
 *
 * @module
 */

import {
  defaultSecurity,
  globalRegistry,
  type JellyRegistry,
  type Taster,
} from "../../jelly/mod.ts";
import { millisecondsOrNone } from "../../transport/base/checks.ts";
import { DEFAULT_PORT } from "../../transport/mod.ts";
import type { Kwargs } from "../flavors/kwargs.ts";
import { PB_RULES } from "../flavors/pb_rules.ts";
import type { RemoteTarget } from "../flavors/referenceable.ts";
import { type BrokerLimits, brokerLimits } from "../link/limits.ts";
import { Toolbox } from "../link/toolbox.ts";
import { type Log, safeLog } from "../log/log.ts";
import type { Broker } from "./broker.ts";

/** The TCP port of Perspective Broker. */
export const portno: number = DEFAULT_PORT;

/** A call from the peer, as {@linkcode BrokerOptions.aroundCall} sees it. */
export interface ReceivedCall {
  /** The connection that it came over. */
  readonly broker: Broker;
  /**
   * The object that is called: for an avatar its `AsReferenceable`, for a view its `ViewPoint`,
   * whose `object` has the method.
   */
  readonly target: RemoteTarget;
  /**
   * Name of the method, without prefix, as the peer sent it: the object may have no such method.
   */
  readonly method: string;
  /** The positional arguments. */
  readonly args: readonly unknown[];
  /** The keyword arguments, if there are any. */
  readonly kw: Kwargs | undefined;
}

/** Options of one connection, shared by servers and clients. */
export interface BrokerOptions {
  /** Class tags and names. Defaults to the global registry. */
  registry?: JellyRegistry;
  /** What may arrive. Defaults to the basic types. */
  security?: Taster;
  /** Limits; each that is left out has its default. */
  limits?: Partial<BrokerLimits>;
  /** Whether failures carry the stack of the error to the peer. Defaults to false. */
  unsafeTracebacks?: boolean;
  /**
   * Where log entries go. Defaults to the console, which of many entries with the same event and
   * level shows one a second, with the number of those left out.
   */
  log?: Log;
  /**
   * Called in place of each method that the peer calls, for metrics, tracing and the like.
   *
   * @param call What is called.
   * @param next Calls the method; throws what it throws.
   * @returns The result, or a promise of it: usually what `next` returns.
   */
  aroundCall?: (call: ReceivedCall, next: () => unknown) => unknown;
  /**
   * Milliseconds within which a peer that has silently gone is noticed: after silence it is asked
   * for a sign of life, and if it stays silent, the connection is closed. Where answers wait for
   * the peer, so that nothing is read from it, the connection is closed if it accepts none of them
   * meanwhile. 0 means never. Defaults to 60,000, and to 0 within one program.
   */
  keepAlive?: number;
}

/** Options with their defaults filled in, made once for all connections of a server. */
export interface BrokerSettings {
  /** Class tags and names. */
  readonly registry: JellyRegistry;
  /** What may arrive. */
  readonly security: Taster;
  /** Limits. */
  readonly limits: BrokerLimits;
  /** Whether failures carry the stack of the error to the peer. */
  readonly unsafeTracebacks: boolean;
  /** Where log entries go. */
  readonly log: Log;
  /** The function called in place of each method, if any. */
  readonly aroundCall: BrokerOptions["aroundCall"];
  /**
   * Milliseconds within which a peer that has silently gone is noticed, 0 for never; undefined for
   * the default.
   */
  readonly keepAlive: number | undefined;
  /**
   * The tools that read and write messages, which the connections share.
   *
   * @internal
   */
  readonly tools: Toolbox;
}

/**
 * All options by name, so that the compiler reports one that is missing here: it would be ignored.
 */
const OPTIONS: Readonly<Record<keyof BrokerOptions, true>> = Object.freeze({
  registry: true,
  security: true,
  limits: true,
  unsafeTracebacks: true,
  log: true,
  aroundCall: true,
  keepAlive: true,
});

/**
 * Returns the settings of a client's connection. Clients without options of their own share the
 * tools, but not the log, which counts its entries.
 *
 * @param options The options.
 * @returns The settings, frozen.
 * @throws {RangeError} As {@linkcode brokerSettings} does.
 */
export function clientSettings(options: BrokerOptions): BrokerSettings {
  const names = Object.keys(OPTIONS) as (keyof BrokerOptions)[];
  const isUsual = names.every((name) => options[name] === undefined);
  return isUsual ? Object.freeze({ ...USUAL_SETTINGS, log: safeLog() }) : brokerSettings(options);
}

/**
 * Fills in the defaults, and checks the rest.
 *
 * @param options The options.
 * @returns The settings, frozen.
 * @throws {RangeError} If a limit is not a positive integer, or a time is too long for a timer.
 */
export function brokerSettings(options: BrokerOptions = {}): BrokerSettings {
  const {
    registry = globalRegistry,
    security = defaultSecurity(),
    unsafeTracebacks = false,
    log,
    aroundCall,
    keepAlive,
  } = options;
  if (keepAlive !== undefined) millisecondsOrNone("keepAlive", keepAlive);
  const limits = brokerLimits(options.limits);
  return Object.freeze({
    registry,
    security,
    limits,
    unsafeTracebacks,
    log: safeLog(log),
    aroundCall,
    keepAlive,
    tools: new Toolbox({ registry, security, rules: PB_RULES, limits }),
  });
}

/** The settings of clients without options of their own, all of which share its tools. */
const USUAL_SETTINGS: BrokerSettings = brokerSettings();
