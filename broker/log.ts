/**
 * What is worth writing down, and how it is written.
 *
 * What a peer has said shall neither look like an entry of its own, nor command a terminal, nor fill
 * the log.
 *
 * @module
 */

import type { Peer } from "../transport/mod.ts";
import { oneLine } from "../transport/printable.ts";
import { asPromise } from "./is_promise.ts";
import { shown } from "./shown.ts";

/** So many entries of a kind are written at once. */
const BURST = 100;
/** Then one entry is written in so many milliseconds. */
const INTERVAL = 1000;

/**
 * What has happened, for programs that count it or raise an alarm. `callFailed` is a call of the peer's, and
 * `callbackFailed` a function of the program, such as `onConnect`; `connectionRefused` is one too many,
 * `connectionFailed` one that never stood, and `connectionClosed` one that ended through a fault;
 * `acceptFailed` is that no connection can be accepted for a while;
 * `cacheFailed`, `pagesFailed` and `stateFailed` are updates, pages and stored states that did not get
 * where they should; `notUnderstood` is a message of the protocol that one end does not know.
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
  | "stateFailed";

/** What is worth writing down about a connection. */
export interface LogEntry {
  /** What has happened. */
  readonly event: LogEvent;
  /** How grave it is: an `error` is a fault of a program or its machine, a `warning` a peer that misbehaves. */
  readonly level: "error" | "warning";
  /** One line, also where it repeats what a peer has said: without control characters, and not too long. */
  readonly message: string;
  /** Who is at the other end, where it is about one connection. */
  readonly peer?: Peer;
  /** Name of the method that was called, where it is about a call; as it came from the peer, but cut to 200 letters. */
  readonly method?: string;
  /**
   * The error, if there is one. What is in it is as it came, perhaps from a peer: texts with line breaks and
   * control characters, objects with thousands of fields. On the console texts are escaped, and of what is
   * large the beginning is shown.
   */
  readonly error?: unknown;
}

/** Takes log entries. */
export type Log = (entry: LogEntry) => void;

/**
 * Makes a log out of one that a program gave, or out of the console.
 *
 * @param log What the program gave, which gets every entry; if it fails, the console takes the entry. Unless
 * given, the console, where many entries of one kind are not all shown.
 * @returns Takes entries with any messages, and never throws.
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
 * Calls functions of the program one after the other; one that fails is logged and keeps no other from running.
 *
 * @param callbacks The functions; what they return is not waited for.
 * @param log Takes the entries.
 */
export function callLogged(callbacks: Iterable<() => unknown>, log: Log): void {
  callAll(callbacks, (error) => {
    log({ event: "callbackFailed", level: "error", message: "A callback failed", error });
  });
}

/** Calls functions one after the other; what one throws, or its promise rejects with, keeps no other from running. */
function callAll(callbacks: Iterable<() => unknown>, failed: (error: unknown) => void): void {
  for (const callback of callbacks) {
    try {
      asPromise(callback())?.catch(failed);
    } catch (error) {
      failed(error);
    }
  }
}

/** What {@linkcode LogRate} adds to messages. */
export interface LogRateRemarks {
  /** Tells how many entries were left out; `, as did 3 before it` unless given. */
  leftOut?: (count: number) => string;
  /** Tells that the next ones may be; `; of what follows, one a second is logged` unless given. */
  goesOn?: string;
}

/** Keeps peers from filling the log: many entries of a kind may come at once, then one a second. */
export class LogRate {
  readonly #remarks: Required<LogRateRemarks>;
  #credit = BURST;
  #since = 0;
  #leftOut = 0;

  /**
   * Creates a rate at which no entry was written yet.
   *
   * @param remarks What to say of entries that are left out.
   */
  constructor(remarks: LogRateRemarks = {}) {
    const {
      leftOut = (count) => `, as did ${count} before it`,
      goesOn = "; of what follows, one a second is logged",
    } = remarks;
    this.#remarks = { leftOut, goesOn };
  }

  /**
   * Asks whether an entry is to be written.
   *
   * @param now The time in milliseconds.
   * @returns What its message is to say of those that are not, mostly nothing; undefined if it is one of them.
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

/** Makes a log of the console that strangers cannot fill, however many they are. */
function consoleLog(): Log {
  // Two to an event at most, so that a thousand warnings hide no error.
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
  // The message is no format itself: what a peer has said in it would take the error in.
  if (level === "error") console.error("%s", message + where, ...rest);
  else console.warn("%s", message + where, ...rest);
}
