/**
 * Stand-in for `FakeTime` of `@std/testing/time`.
 *
 * @module
 */

import { Clock, realTimers, TimeError } from "./_clock.ts";

export { TimeError };

/** Options of {@linkcode FakeTime}. */
export interface FakeTimeOptions {
  /** Fake milliseconds that pass in a real one. */
  advanceRate: number;
  /** Real milliseconds between two steps. Defaults to 10. */
  advanceFrequency?: number;
}

/** The clock in force; time is global, and so is its fake. */
let clock: Clock | undefined;

function fakeClock(): Clock {
  if (!clock) throw new TimeError("Cannot restore time: time is already restored");
  return clock;
}

/** Replaces the clock and the timers of this program, until it is restored. */
export class FakeTime implements Disposable {
  constructor(start?: number | string | Date | null, options?: FakeTimeOptions) {
    if (clock) throw new TimeError("Cannot construct FakeTime: time is already faked");
    clock = new Clock(start);
    clock.install();
    const { advanceRate = 0, advanceFrequency = 10 } = options ?? {};
    if (advanceRate > 0) clock.moveBy(advanceRate * advanceFrequency, advanceFrequency);
  }

  /** Restores the real time. */
  static restore(): void {
    fakeClock().stop();
    fakeClock().uninstall();
    clock = undefined;
  }

  /** Runs a function in the real time. */
  static async restoreFor<T>(
    // deno-lint-ignore no-explicit-any
    callback: (...args: any[]) => Promise<T> | T,
    // deno-lint-ignore no-explicit-any
    ...args: any[]
  ): Promise<T> {
    const fake = fakeClock();
    fake.uninstall();
    try {
      return await callback(...args);
    } finally {
      if (clock === fake) fake.install();
    }
  }

  /** The fake time, in milliseconds since 1970; setting it runs the timers that come due. */
  get now(): number {
    return fakeClock().now;
  }
  set now(value: number) {
    fakeClock().moveTo(value);
  }

  /** The fake time at the start, in milliseconds since 1970. */
  get start(): number {
    return fakeClock().start;
  }

  /** Waits for a number of real milliseconds. */
  async delay(ms: number, { signal }: { signal?: AbortSignal } = {}): Promise<void> {
    const aborted = () => new DOMException("Delay was aborted.", "AbortError");
    if (signal?.aborted) throw aborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = realTimers.setTimeout(resolve, ms);
    const abort = () => {
      realTimers.clearTimeout(timer);
      reject(aborted());
    };
    signal?.addEventListener("abort", abort, { once: true });
    await promise.finally(() => signal?.removeEventListener("abort", abort));
  }

  /** Runs everything that is not waiting for a timer. */
  async runMicrotasks(): Promise<void> {
    await this.delay(0);
  }

  /** Moves the time on, and runs the timers that come due. */
  tick(ms: number = 0): void {
    this.now += ms;
  }

  /** Moves the time on, after running everything that is not waiting for a timer. */
  async tickAsync(ms: number = 0): Promise<void> {
    await this.runMicrotasks();
    this.now += ms;
  }

  /** Moves the time on to the next timer, and returns whether there was one. */
  next(): boolean {
    const timer = fakeClock().next;
    if (timer) this.now = timer.due;
    return timer !== undefined;
  }

  /** Moves the time on to the next timer, after running everything that is not waiting for one. */
  async nextAsync(): Promise<boolean> {
    await this.runMicrotasks();
    return this.next();
  }

  /** Moves the time on until no timer is left. */
  runAll(): void {
    while (this.next());
  }

  /** Moves the time on until no timer is left; before each, runs what is not waiting for one. */
  async runAllAsync(): Promise<void> {
    while (fakeClock().next) await this.nextAsync();
  }

  /** Restores the real time. */
  restore(): void {
    FakeTime.restore();
  }

  /** Restores the real time. */
  [Symbol.dispose](): void {
    FakeTime.restore();
  }
}
