/**
 * Log entries, and how they are written.
 *
 * Text from a peer must not look like an entry of its own, control a terminal, or fill the log.
 *
 * @module
 */

import { oneLine } from "../../transport/base/printable.ts";
import type { Peer } from "../../transport/mod.ts";
import { asPromise } from "../async/is_promise.ts";
import { shown } from "./shown.ts";

/** Number of entries of a kind that may be written in quick succession. */
const BURST = 100;
/** Milliseconds per entry after that. */
const INTERVAL = 1000;

/**
 * What has happened, for programs that count it or raise an alarm:
 *
 * - `callFailed`: a call from the peer failed, or one by `callRemoteOnly` could not be sent.
 * - `callbackFailed`: a function of the program failed, such as `onConnect`.
 * - `loginRefused`, `loginFailed`: a login was not accepted, or failed because of a fault here.
 * - `acceptFailed`: no connections can be accepted for a while.
 * - `connectionRefused`: there was a connection too many.
 * - `connectionFailed`, `connectionClosed`: a connection ended because of a fault, before or after
 *   both ends had agreed to speak PB.
 * - `notUnderstood`: one end does not know a message of the protocol.
 * - `cacheFailed`, `pagesFailed`, `stateFailed`: an update, a page or a stored state did not get
 *   where it should.
 * - `sessionFailed`: an attempt of a session failed, or the session ended by itself.
 */
export type LogEvent =
  | "callFailed"
  | "callbackFailed"
  | "loginRefused"
  | "loginFailed"
  | "acceptFailed"
  | "connectionRefused"
  | "connectionFailed"
  | "connectionClosed"
  | "notUnderstood"
  | "cacheFailed"
  | "pagesFailed"
  | "stateFailed"
  | "sessionFailed";

/** A log entry about a connection or a session. */
export interface LogEntry {
  /** What has happened. */
  readonly event: LogEvent;
  /**
   * How serious it is: an `error` is a fault of a program or its machine, a `warning` a misbehaving
   * peer.
   */
  readonly level: "error" | "warning";
  /** One line without control characters and not too long, even where it quotes the peer. */
  readonly message: string;
  /** The peer, if the entry is about one connection. */
  readonly peer?: Peer;
  /**
   * Name of the method that was called, if the entry is about a call; as the peer sent it, but cut
   * to 200 characters.
   */
  readonly method?: string;
  /**
   * The error, if there is one. Its contents are as they arrived, perhaps from a peer: strings with
   * line breaks and control characters, objects with thousands of fields. On the console, strings
   * are escaped, and only the beginning of large contents is shown.
   */
  readonly error?: unknown;
}

/** Receives log entries. */
export type Log = (entry: LogEntry) => void;

/**
 * Makes a log from a program's own, or from the console.
 *
 * @param log The program's log, which gets every entry; if it fails, the console gets the entry.
 * Defaults to the console, which does not show all of many entries of one kind.
 * @returns A log that accepts entries with any messages, and never throws.
 */
export function safeLog(log: Log = consoleLog()): Log {
  return ({ message, ...rest }) => {
    const entry = { ...rest, message: oneLine(message) };
    callAll([() => log(entry)], (error) => {
      logToConsole({ event: "callbackFailed", level: "error", message: "Cannot log", error });
      logToConsole(entry);
    });
  };
}

/**
 * Calls functions of the program one after the other; one that fails is logged, and does not keep
 * the others from running.
 *
 * @param callbacks The functions; promises that they return are not awaited.
 * @param log Receives the entries.
 */
export function callLogged(callbacks: Iterable<() => unknown>, log: Log): void {
  callAll(callbacks, (error) => {
    log({ event: "callbackFailed", level: "error", message: "A callback failed", error });
  });
}

/**
 * Calls functions one after the other; an error or rejected promise of one does not keep the others
 * from running.
 */
function callAll(callbacks: Iterable<() => unknown>, failed: (error: unknown) => void): void {
  for (const callback of callbacks) {
    try {
      asPromise(callback())?.catch(failed);
    } catch (error) {
      failed(error);
    }
  }
}

/** The remarks that {@linkcode LogRate} adds to messages. */
export interface LogRateRemarks {
  /** Says how many entries were left out. Defaults to `, as did 3 before it`. */
  leftOut?: (count: number) => string;
  /**
   * Says that the next ones may be left out. Defaults to
   * `; of what follows, one a second is logged`.
   */
  goesOn?: string;
}

/**
 * Keeps peers from filling the log: many entries of a kind may come in a burst, then one a second.
 */
export class LogRate {
  readonly #remarks: Required<LogRateRemarks>;
  #credit = BURST;
  #since = 0;
  #leftOut = 0;

  /**
   * Creates a rate at which no entry has been written yet.
   *
   * @param remarks What to say about entries that are left out.
   */
  constructor(remarks: LogRateRemarks = {}) {
    const {
      leftOut = (count) => `, as did ${count} before it`,
      goesOn = "; of what follows, one a second is logged",
    } = remarks;
    this.#remarks = { leftOut, goesOn };
  }

  /**
   * Decides whether an entry is written.
   *
   * @param now The time in milliseconds.
   * @returns What to add to its message about entries that are left out, mostly nothing; undefined
   * if this one is left out.
   */
  admit(now: number = performance.now()): string | undefined {
    this.#credit = Math.min(BURST, this.#credit + (now - this.#since) / INTERVAL);
    this.#since = now;
    if (this.#credit < 1) {
      this.#leftOut++;
      return undefined;
    }
    this.#credit--;
    const { leftOut, goesOn } = this.#remarks;
    const before = this.#leftOut === 0 ? "" : leftOut(this.#leftOut);
    this.#leftOut = 0;
    return this.#credit < 1 ? `${before}${goesOn}` : before;
  }
}

/** Makes a log from the console that strangers cannot fill, however many they are. */
function consoleLog(): Log {
  // At most two for each event, so that a thousand warnings hide no error.
  const rates = new Map<string, LogRate>();
  return (entry) => {
    const kind = `${entry.level} "${entry.event}"`;
    let rate = rates.get(kind);
    if (rate === undefined) {
      rate = new LogRate({
        leftOut: (count) => `; ${count} more of ${kind} were left out`,
        goesOn: `; of ${kind}, one a second is shown`,
      });
      rates.set(kind, rate);
    }
    const remark = rate.admit();
    if (remark !== undefined) logToConsole({ ...entry, message: `${entry.message}${remark}` });
  };
}

function logToConsole({ level, message, peer, error }: LogEntry): void {
  const address = oneLine(peer?.address ?? "");
  const where = message.includes(address) ? "" : ` [${address}]`;
  const rest = error === undefined ? [] : [shown(error)];
  // The message is not the format: a `%` from a peer in it would consume the error.
  if (level === "error") console.error("%s", message + where, ...rest);
  else console.warn("%s", message + where, ...rest);
}
