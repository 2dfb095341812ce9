/**
 * The clock of all connections.
 *
 * @module
 */

/**
 * The clock wakes after so many milliseconds though nothing is due: then an alarm that is due before all
 * others, as a connection sets it when it begins, seldom has to set the timer anew.
 */
const LONGEST_SLEEP = 10_000;
/**
 * So many milliseconds late a timer is not waited for any more, but set anew: it was of another time,
 * which a test has replaced, and taken back.
 */
const LATE = 1000;
/** So many delays are known before those are forgotten that are in use no more. */
const FEW_DELAYS = 16;
/** So many alarms ring before others get a turn. */
const TURN_ALARMS = 100;

/** Something that is to happen after a time. */
export interface Alarm {
  /** The time, in milliseconds; `Infinity` for never. */
  readonly delay: number;
  /** Kept by the clock: undefined while the alarm is not set. */
  place: AlarmPlace | undefined;
  /** What happens. */
  ring(): void;
}

/** Where an alarm stands that is set: the clock's own. */
export interface AlarmPlace {
  /** The alarm. */
  readonly alarm: Alarm;
  /** When it rings, in milliseconds since 1970. */
  readonly due: number;
  /** The alarms of its delay. */
  readonly queue: AlarmQueue;
  /** The alarm that was set before it. */
  before: AlarmPlace | undefined;
  /** The alarm that was set after it. */
  after: AlarmPlace | undefined;
}

/** Alarms of one delay, in the order in which they were set, and ring: the clock's own. */
export interface AlarmQueue {
  /** The alarm that rings next. */
  first: AlarmPlace | undefined;
  /** The alarm that was set last. */
  last: AlarmPlace | undefined;
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
  /** For each delay its alarms; those that come and go with every connection stay though they are empty. */
  readonly #queues = new Map<number, AlarmQueue>();
  /** How many delays may be known. */
  #room = FEW_DELAYS;
  /** How many alarms are set. */
  #size = 0;
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
   * Clears an alarm; one that is not set stays so.
   *
   * @param alarm What is not to ring.
   */
  clear(alarm: Alarm): void {
    const { place } = alarm;
    if (place === undefined) return;
    alarm.place = undefined;
    remove(place);
    // Where others are left the timer runs once too often, which costs less than to set it anew.
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
    // The time of day may have been set back meanwhile; the timer has not.
    const now = Math.max(Date.now(), this.#wakesAt);
    this.#stop();
    try {
      this.#ring(now);
    } finally {
      const next = this.#nextDue();
      // Alarms that were set by alarms may have woken the clock already.
      if (next < this.#wakesAt) this.#sleep(next, now);
    }
  }

  /** Rings what is due, unless that is too much at a time. */
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

/** Takes a place out of its queue; it forgets its neighbours, which it must not keep alive. */
function remove(place: AlarmPlace): void {
  const { queue, before, after } = place;
  if (before === undefined) queue.first = after;
  else before.after = after;
  if (after === undefined) queue.last = before;
  else after.before = before;
  place.before = place.after = undefined;
}

/** The clock of all connections of the program. */
export const CLOCK: Clock = new Clock();
