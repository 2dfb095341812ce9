/**
 * The clock of all connections.
 *
 * @module
 */

/**
 * Maximum milliseconds between wake-ups, even if nothing is due. This way, an alarm that is due
 * before all others, such as one that a connection sets as it starts, seldom has to reset the
 * timer.
 */
const LONGEST_SLEEP = 10_000;
/**
 * How many milliseconds overdue the timer may be before it is set again. If it is later than that,
 * it was set in the fake time of a test that is over.
 */
const LATE = 1000;
/** Minimum number of delays to keep before those no longer in use are forgotten. */
const FEW_DELAYS = 16;
/** Maximum number of alarms that ring before other work gets a turn. */
const TURN_ALARMS = 100;

/** Something that will happen after a delay. */
export interface Alarm {
  /** The delay, in milliseconds; `Infinity` for never. */
  readonly delay: number;
  /** Maintained by the clock: undefined while the alarm is not set. */
  place: AlarmPlace | undefined;
  /** Called when the delay is over. */
  ring(): void;
}

/** The place of an alarm that is set; internal to the clock. */
export interface AlarmPlace {
  /** The alarm. */
  readonly alarm: Alarm;
  /** When it rings, in milliseconds since 1970. */
  readonly due: number;
  /** The queue of all alarms with its delay. */
  readonly queue: AlarmQueue;
  /** The alarm set before it. */
  before: AlarmPlace | undefined;
  /** The alarm set after it. */
  after: AlarmPlace | undefined;
}

/**
 * The alarms with one delay, in the order in which they were set and will ring; internal to the
 * clock.
 */
export interface AlarmQueue {
  /** The alarm that rings next. */
  first: AlarmPlace | undefined;
  /** The alarm set last. */
  last: AlarmPlace | undefined;
}

/**
 * Rings any number of alarms with a single timer: a timer for each would cost more than everything
 * else that a quiet connection holds.
 *
 * It uses the time of day, since a timer's own time cannot be read. When the time of day jumps
 * forward, as after the computer has slept, alarms that are set ring early, once.
 *
 * Alarms are grouped by delay, of which there are few. Those with the same delay are due in the
 * order in which they were set, so neither setting nor clearing one needs a search for its place.
 */
export class Clock {
  /**
   * The queue of each delay. Empty ones are kept for a while, since most are soon used by another
   * connection.
   */
  readonly #queues = new Map<number, AlarmQueue>();
  /** Number of delays to keep before empty queues are removed. */
  #room = FEW_DELAYS;
  /** Number of alarms that are set. */
  #size = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** When the timer fires. */
  #wakesAt = Infinity;

  /**
   * Sets an alarm; one that is already set starts again.
   *
   * @param alarm The alarm, which rings once.
   */
  set(alarm: Alarm): void {
    const { delay } = alarm;
    const now = Date.now();
    const due = now + delay;
    const old = alarm.place;
    const queue = this.#queueOf(delay);
    const place = alarm.place = { alarm, due, queue, before: queue.last, after: undefined };
    if (queue.last === undefined) queue.first = place;
    else queue.last.after = place;
    queue.last = place;
    if (old === undefined) this.#size++;
    else remove(old);
    if (due < this.#wakesAt || this.#wakesAt < now - LATE) this.#sleep(due, now);
  }

  /**
   * Clears an alarm; does nothing if it is not set.
   *
   * @param alarm The alarm.
   */
  clear(alarm: Alarm): void {
    const { place } = alarm;
    if (place === undefined) return;
    alarm.place = undefined;
    remove(place);
    // If others are left, the timer may fire once too often, which costs less than resetting it.
    if (--this.#size === 0) this.#stop();
  }

  #queueOf(delay: number): AlarmQueue {
    let queue = this.#queues.get(delay);
    if (queue === undefined) {
      if (this.#queues.size >= this.#room) this.#forgetEmpty();
      this.#queues.set(delay, queue = { first: undefined, last: undefined });
    }
    return queue;
  }

  #forgetEmpty(): void {
    for (const [delay, { first }] of this.#queues) {
      if (first === undefined) this.#queues.delete(delay);
    }
    this.#room = Math.max(FEW_DELAYS, 2 * this.#queues.size);
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
    // The time of day may have been set back since then; the timer has not.
    const now = Math.max(Date.now(), this.#wakesAt);
    this.#stop();
    try {
      this.#ring(now);
    } finally {
      const next = this.#nextDue();
      // Alarms that were set by alarms may have set the timer already.
      if (next < this.#wakesAt) this.#sleep(next, now);
    }
  }

  /** Rings the alarms that are due, up to {@linkcode TURN_ALARMS} of them. */
  #ring(now: number): void {
    let left = TURN_ALARMS;
    for (const queue of this.#queues.values()) {
      for (let next; left > 0 && (next = queue.first) !== undefined && next.due <= now; left--) {
        this.clear(next.alarm);
        next.alarm.ring();
      }
    }
  }

  #nextDue(): number {
    let next = Infinity;
    for (const { first } of this.#queues.values()) next = Math.min(next, first?.due ?? Infinity);
    return next;
  }
}

/**
 * Removes a place from its queue, and its references to its neighbours, which it must not keep
 * alive.
 */
function remove(place: AlarmPlace): void {
  const { queue, before, after } = place;
  if (before === undefined) queue.first = after;
  else before.after = after;
  if (after === undefined) queue.last = before;
  else after.before = before;
  place.before = place.after = undefined;
}

/** The clock of all connections in the program. */
export const CLOCK: Clock = new Clock();
