/**
 * Stand-in for the functions of `@std/testing/mock` that this project uses.
 *
 * @module
 */
// deno-lint-ignore-file no-explicit-any

import { assertEquals, AssertionError, assertIsError } from "jsr:@std/assert@^1.0.0";

/** Thrown if a mock is asked for something that it cannot do. */
export class MockError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "MockError";
  }
}

/** One call of a spy. */
export interface SpyCall<Self = any, Args extends unknown[] = any[], Return = any> {
  /** The arguments. */
  args: Args;
  /** What it returned, if it did. */
  returned?: Return;
  /** What it threw, if it did. */
  error?: Error;
  /** The object it was called on, if there was one. */
  self?: Self;
}

/** A function that keeps a record of its calls. */
export interface Spy<Self = any, Args extends unknown[] = any[], Return = any> {
  (this: Self, ...args: Args): Return;
  /** The function behind it. */
  original: (this: Self, ...args: Args) => Return;
  /** Its calls, in order. */
  calls: SpyCall<Self, Args, Return>[];
  /** Whether the method that it replaced is back. */
  restored: boolean;
  /** Puts back the method that it replaced. */
  restore(): void;
}

/** A spy in place of a method. */
export interface MethodSpy<Self = any, Args extends unknown[] = any[], Return = any>
  extends Spy<Self, Args, Return>, Disposable {}

/** A spy in place of a method, which does something else instead. */
export interface Stub<Self = any, Args extends unknown[] = any[], Return = any>
  extends MethodSpy<Self, Args, Return> {
  /** What is called instead of the method. */
  fake: (this: Self, ...args: Args) => Return;
}

/** Arguments of a method. */
export type GetParametersFromProp<Self, Prop extends keyof Self> = Self[Prop] extends
  (...args: infer Args) => unknown ? Args : unknown[];

/** Result of a method. */
export type GetReturnFromProp<Self, Prop extends keyof Self> = Self[Prop] extends
  (...args: any[]) => infer Return ? Return : unknown;

type Method = (this: unknown, ...args: any[]) => unknown;

/** Wraps a function so that its calls are kept; `restore` puts back what it replaced. */
function recorder(original: Method, called: Method, restore?: () => void): Stub {
  const calls: SpyCall[] = [];
  let restored = false;
  const spy = function (this: unknown, ...args: unknown[]): unknown {
    const call: SpyCall = { args };
    if (this) call.self = this;
    try {
      return call.returned = called.apply(this, args);
    } catch (error) {
      call.error = error as Error;
      throw error;
    } finally {
      calls.push(call);
    }
  };
  const undo = () => {
    if (!restore) throw new MockError("Cannot restore: function cannot be restored");
    if (restored) throw new MockError("Cannot restore: instance method already restored");
    restore();
    restored = true;
  };
  return Object.defineProperties(spy, {
    original: { enumerable: true, value: original },
    fake: { enumerable: true, value: called },
    calls: { enumerable: true, value: calls },
    restored: { enumerable: true, get: () => restored },
    restore: { enumerable: true, value: undo },
    [Symbol.dispose]: { value: undo },
    [SPY]: { value: true },
  }) as unknown as Stub;
}

const SPY = Symbol("spy");

/** Replaces a method with a recorder. */
function replace(self: any, property: PropertyKey, verb: string, fake?: Method): Stub {
  const original = self[property];
  if (typeof original !== "function" && !(verb === "stub" && original === undefined)) {
    throw new MockError(`Cannot ${verb}: property is not an instance method`);
  }
  if (original?.[SPY]) {
    throw new MockError(`Cannot ${verb}: already spying on instance method`);
  }
  const own = Object.getOwnPropertyDescriptor(self, property);
  if (own && !own.configurable) {
    throw new MockError(`Cannot ${verb}: non-configurable instance method`);
  }
  const mock = recorder(original, fake ?? original, () => {
    if (own) Object.defineProperty(self, property, own);
    else delete self[property];
  });
  Object.defineProperty(self, property, {
    configurable: true,
    enumerable: own?.enumerable ?? false,
    writable: own?.writable ?? false,
    value: mock,
  });
  return mock;
}

/** Creates a spy that does nothing. */
export function spy<Self = any, Args extends unknown[] = any[], Return = undefined>(): Spy<
  Self,
  Args,
  Return
>;
/** Creates a spy that calls a function. */
export function spy<Self, Args extends unknown[], Return>(
  func: (this: Self, ...args: Args) => Return,
): Spy<Self, Args, Return>;
/** Replaces a method with a spy, which calls it. */
export function spy<Self, Prop extends keyof Self>(
  self: Self,
  property: Prop,
): MethodSpy<Self, GetParametersFromProp<Self, Prop>, GetReturnFromProp<Self, Prop>>;
export function spy(target?: unknown, property?: PropertyKey): any {
  if (property !== undefined) return replace(target, property, "spy");
  const original = (target ?? (() => {})) as Method;
  return recorder(original, original);
}

/** Replaces a method with one that does nothing. */
export function stub<Self, Prop extends keyof Self>(
  self: Self,
  property: Prop,
): Stub<Self, GetParametersFromProp<Self, Prop>, GetReturnFromProp<Self, Prop>>;
/** Replaces a method with a function. */
export function stub<Self, Prop extends keyof Self>(
  self: Self,
  property: Prop,
  func: (this: Self, ...args: GetParametersFromProp<Self, Prop>) => GetReturnFromProp<Self, Prop>,
): Stub<Self, GetParametersFromProp<Self, Prop>, GetReturnFromProp<Self, Prop>>;
export function stub(self: unknown, property: PropertyKey, func: Method = () => {}): any {
  return replace(self, property, "stub", func);
}

/** Creates a function that returns one value after another, and throws those that are errors. */
export function returnsNext<Return, Self = any, Args extends unknown[] = any[]>(
  values: Iterable<Return | Error>,
): (this: Self, ...args: Args) => Return {
  const iterator = values[Symbol.iterator]();
  let calls = 0;
  return () => {
    const next = iterator.next();
    if (next.done) throw new MockError(`Not expected to be called more than ${calls} time(s)`);
    calls++;
    if (next.value instanceof Error) throw next.value;
    return next.value;
  };
}

/** What is expected of a call. */
export interface ExpectedSpyCall<Self = any, Args extends unknown[] = any[], Return = any> {
  /** The arguments. */
  args?: [...Args, ...unknown[]];
  /** The object it was called on. */
  self?: Self;
  /** What it returned. */
  returned?: Return;
  /** What it threw. */
  error?: {
    /** Class of the error. */
    Class?: new (...args: any[]) => Error;
    /** A part of its message. */
    msgIncludes?: string;
  };
}

/** Asserts how often a spy was called. */
export function assertSpyCalls<Self, Args extends unknown[], Return>(
  spy: Spy<Self, Args, Return>,
  expectedCalls: number,
): void {
  const count = spy.calls.length;
  if (count === expectedCalls) return;
  throw new AssertionError(
    `Spy ${count < expectedCalls ? "not called as much as" : "called more than"} expected:\n` +
      `-   ${count}\n+   ${expectedCalls}\n`,
  );
}

function callOf<Self, Args extends unknown[], Return>(
  spy: Spy<Self, Args, Return>,
  index: number,
): SpyCall<Self, Args, Return> {
  const call = spy.calls[index];
  if (!call) throw new AssertionError("Spy not called as much as expected");
  return call;
}

/** Asserts what happened in a call of a spy. */
export function assertSpyCall<Self, Args extends unknown[], Return>(
  spy: Spy<Self, Args, Return>,
  callIndex: number,
  expected: ExpectedSpyCall<Self, Args, Return> = {},
): void {
  const call = callOf(spy, callIndex);
  if (expected.args) {
    assertEquals<unknown>(call.args, expected.args, "Spy not called with expected args");
  }
  if ("self" in expected) {
    assertEquals(call.self, expected.self, "Spy not called as method on expected self");
  }
  if ("returned" in expected) {
    if ("error" in expected) {
      throw new TypeError("Do not expect error and return, only one should be expected");
    }
    if (call.error) {
      throw new AssertionError("Spy call did not return expected value, an error was thrown.", {
        cause: call.error,
      });
    }
    assertEquals(call.returned, expected.returned, "Spy call did not return expected value");
  }
  if ("error" in expected) {
    if ("returned" in call) {
      throw new AssertionError("Spy call did not throw an error, a value was returned.");
    }
    assertIsError(call.error, expected.error?.Class, expected.error?.msgIncludes);
  }
}

/** Asserts what the arguments of a call of a spy were, and returns them. */
export function assertSpyCallArgs<
  Self,
  Args extends unknown[],
  Return,
  ExpectedArgs extends unknown[],
>(spy: Spy<Self, Args, Return>, callIndex: number, expected: ExpectedArgs): ExpectedArgs {
  const args: unknown[] = callOf(spy, callIndex).args;
  assertEquals(args, expected);
  return args as ExpectedArgs;
}

/** Asserts what one argument of a call of a spy was, and returns it. */
export function assertSpyCallArg<Self, Args extends unknown[], Return, ExpectedArg>(
  spy: Spy<Self, Args, Return>,
  callIndex: number,
  argIndex: number,
  expected: ExpectedArg,
): ExpectedArg {
  const arg: unknown = callOf(spy, callIndex).args[argIndex];
  assertEquals(arg, expected);
  return arg as ExpectedArg;
}
