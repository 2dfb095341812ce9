/** Servers whose methods fail. */
import { assertRejects } from "@std/assert";
import { CopiedFailure, CopyableError, PBError, Root } from "@perspective/broker/broker";

export class AppError extends PBError {
  static override readonly jellyName: string = "app.AppError";
}

export class OutOfStock extends AppError {
  static override readonly jellyName = "app.OutOfStock";
}

export class TravelError extends CopyableError {
  static override readonly jellyName: string = "app.TravelError";
  left = 0;
}

export class AllowedError extends PBError {
  static override readonly jellyName = "app.AllowedError";
  detail = "";
}

/** Fails as requested, at once or later. */
export class Failing extends Root {
  readonly answered = Promise.withResolvers<void>();
  remote_never(): Promise<void> {
    return this.answered.promise;
  }
  remote_exception(): void {
    throw new TypeError("by accident");
  }
  remote_error(): void {
    throw new AppError("on purpose");
  }
  remote_unknown(): void {
    class Unknown extends PBError {}
    throw new Unknown("nobody knows me");
  }
  remote_travel(): void {
    throw Object.assign(new TravelError("I go myself"), { left: 2 });
  }
  remote_allowed(): void {
    throw Object.assign(new AllowedError("I may"), { detail: "go" });
  }
  remote_call(method: string): unknown {
    return this.remoteMessageReceived(undefined as never, method, [], undefined);
  }
  async remote_later(method: string): Promise<void> {
    await undefined;
    this.remote_call(method);
  }
  remote_throw(kind: string): void {
    throw ODDITIES.get(kind);
  }
}

/** Other things that a program may throw. */
export const ODDITIES = new Map<string, unknown>([
  ["nothing", undefined],
  ["text", "just a text"],
  ["no prototype", Object.create(null)],
  ["symbol", Symbol("sign")],
  ["surrogate", new Error("half \ud800")],
  ["no text", Object.defineProperty(new Error(), "message", { value: Object.create(null) })],
  [
    "getter",
    Object.defineProperty(new Error(), "message", {
      get() {
        throw new Error("worse");
      },
    }),
  ],
  ["very long", new RangeError(`begin ${"x".repeat(1_000_000)} end`)],
]);

/** Checks that a call fails with a CopiedFailure, and returns it. */
export async function failure(call: Promise<unknown>): Promise<CopiedFailure> {
  return await assertRejects(() => call, CopiedFailure);
}

/** Checks that a call fails, and returns its error. */
export async function failed(call: Promise<unknown>): Promise<unknown> {
  return await assertRejects(() => call);
}
