/**
 * The clock of all connections of a server.
 *
 * @module
 */

import { BusySet } from "./busy_set.ts";

/**
 * The clock wakes after so many milliseconds though nothing is due: then an alarm that is due before all
 * others, as a connection sets it when it begins, seldom has to set the timer anew.
 */
const LONGEST_SLEEP = 10_000;
/** So many alarms ring before others get a turn. */
const TURN_ALARMS = 100;

/** Something that is to happen after a time. */
export interface Alarm {
  /** The time, in milliseconds. */
  readonly delay: number;
  /** When it is to happen, in milliseconds since 1970; kept by the clock. */
  due: number;
  /** What happens. */
  ring(): void;
}

/**
 * Rings alarms by one timer, however many they are: a timer for each would cost more than all else
 * that a quiet connection holds.
 *
 * It goes by the time of day, as a timer's own time cannot be asked for: when that is set forward, as after a
 * computer has slept, what is set rings early, once.
 *
 * Alarms are kept by their delay, of which there are few. Those of one delay are due in the order in which
 * they were set, so neither setting nor clearing one has to look for its place.
 */
export class Clock {
  /** For each delay its alarms. */
  readonly #queues = new Map<number, BusySet<Alarm>>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** When the timer runs. */
  #wakesAt = Infinity;

  /**
   * Sets an alarm; one that is set already begins anew.
   *
   * @param alarm What rings, once.
   */
  set(alarm: Alarm): void {
    const { delay } = alarm;
    let queue = this.#queues.get(delay);
    if (queue === undefined) this.#queues.set(delay, queue = new BusySet());
    else queue.delete(alarm);
    const now = Date.now();
    alarm.due = now + delay;
    queue.add(alarm);
    if (alarm.due < this.#wakesAt) this.#sleep(alarm.due, now);
  }

  /**
   * Clears an alarm; one that is not set stays so.
   *
   * @param alarm What is not to ring.
   */
  clear(alarm: Alarm): void {
    const queue = this.#queues.get(alarm.delay);
    if (queue === undefined || !queue.delete(alarm) || queue.size !== 0) return;
    this.#queues.delete(alarm.delay);
    // Where others are left the timer runs once too often, which costs less than to set it anew.
    if (this.#queues.size === 0) this.#stop();
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#wakesAt = Infinity;
  }

  #sleep(until: number, now: number): void {
    clearTimeout(this.#timer);
    this.#wakesAt = Math.min(until, now + LONGEST_SLEEP);
    this.#timer = setTimeout(() => this.#wake(), Math.max(0, this.#wakesAt - now));
  }

  #wake(): void {
    // The time of day may have been set back meanwhile; the timer has not.
    const now = Math.max(Date.now(), this.#wakesAt);
    this.#stop();
    this.#ring(now);
    const next = this.#nextDue();
    // Alarms that were set by alarms may have woken the clock already.
    if (next < this.#wakesAt) this.#sleep(next, now);
  }

  /** Rings what is due, unless that is too much at a time. */
  #ring(now: number): void {
    let left = TURN_ALARMS;
    for (const queue of this.#queues.values()) {
      for (const alarm of queue) {
        if (alarm.due > now || left === 0) break;
        // One that rang before may have cleared it.
        if (!queue.has(alarm)) continue;
        left--;
        this.clear(alarm);
        alarm.ring();
      }
    }
  }

  #nextDue(): number {
    let next = Infinity;
    for (const queue of this.#queues.values()) {
      for (const { due } of queue) {
        next = Math.min(next, due);
        break;
      }
    }
    return next;
  }
}
