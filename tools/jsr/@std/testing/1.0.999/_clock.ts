const RealDate = Date;
const real = {
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  setInterval: globalThis.setInterval,
  clearInterval: globalThis.clearInterval,
  abortAfter: AbortSignal.timeout,
};

/** The timers of the platform, whatever has replaced them. */
export const realTimers: Pick<typeof real, "setTimeout" | "clearTimeout"> = real;

/** Time was faked twice, or restored when it was not faked. */
export class TimeError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "TimeError";
  }
}

interface Timer {
  id: number;
  due: number;
  /** Milliseconds from one call to the next; `undefined` for a single call. */
  every: number | undefined;
  run: () => void;
}

/** A clock that moves only when told to, with its timers; it can replace the real one. */
export class Clock {
  /** The time at the start, in milliseconds since 1970. */
  readonly start: number;
  /** Milliseconds since 1970. */
  now: number;
  readonly #timers = new Map<number, Timer>();
  #lastId = 0;
  #pace: ReturnType<typeof setInterval> | undefined;

  constructor(start: number | string | Date | null | undefined) {
    this.start = typeof start === "number"
      ? Math.floor(start)
      : new RealDate(start ?? RealDate.now()).valueOf();
    if (Number.isNaN(this.start)) {
      throw new TypeError(`Cannot construct FakeTime: invalid start time ${start}`);
    }
    this.now = this.start;
  }

  /** The timer that is due first; of two at once, the one that was set first. */
  get next(): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers.values()) if (!first || timer.due < first.due) first = timer;
    return first;
  }

  /** Moves on, and runs the timers that come due. */
  moveTo(time: number): void {
    if (time < this.now) {
      throw new RangeError(
        `Cannot set current time in the past, time must be >= ${this.now}: received ${time}`,
      );
    }
    for (let timer = this.next; timer && timer.due <= time; timer = this.next) {
      this.now = timer.due;
      this.#timers.delete(timer.id);
      if (timer.every !== undefined) {
        this.#timers.set(timer.id, { ...timer, due: timer.due + timer.every });
      }
      timer.run();
    }
    this.now = time;
  }

  /** Moves on by `step` milliseconds every `every` real milliseconds. */
  moveBy(step: number, every: number): void {
    this.#pace = real.setInterval(() => this.moveTo(this.now + step), every);
  }

  /** Replaces the real clock and timers. */
  install(): void {
    const clear = (id?: unknown) => void this.#timers.delete(id as number);
    Object.assign(globalThis, {
      Date: new Proxy(RealDate, {
        construct: (_, args) => Reflect.construct(RealDate, args.length > 0 ? args : [this.now]),
        apply: () => new RealDate(this.now).toString(),
        get: (date, name) => name === "now" ? () => this.now : Reflect.get(date, name),
      }),
      setTimeout: (callback: unknown, delay = 0, ...args: unknown[]) =>
        this.#set("setTimeout", callback, delay, args, false),
      setInterval: (callback: unknown, delay = 0, ...args: unknown[]) =>
        this.#set("setInterval", callback, delay, args, true),
      clearTimeout: clear,
      clearInterval: clear,
    });
    AbortSignal.timeout = (delay) => {
      const controller = new AbortController();
      const abort = () => controller.abort(new DOMException("Signal timed out.", "TimeoutError"));
      this.#set("AbortSignal.timeout", abort, delay, [], false);
      return controller.signal;
    };
  }

  /** Puts the real clock and timers back. */
  uninstall(): void {
    const { abortAfter, ...timers } = real;
    Object.assign(globalThis, { Date: RealDate, ...timers });
    AbortSignal.timeout = abortAfter;
  }

  /** Ends what {@linkcode Clock.moveBy} began. */
  stop(): void {
    real.clearInterval(this.#pace);
  }

  #set(name: string, callback: unknown, delay: number, args: unknown[], repeat: boolean): number {
    if (typeof callback !== "function") {
      throw new TimeError(`FakeTime does not support non-function callbacks to ${name}`);
    }
    const id = ++this.#lastId;
    const wait = Math.max(repeat ? 1 : 0, Math.floor(delay) || 0);
    const run = () => void callback(...args);
    this.#timers.set(id, { id, due: this.now + wait, every: repeat ? wait : undefined, run });
    return id;
  }
}
