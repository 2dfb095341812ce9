/** Offers the same as echo_server.py, so that tests can make the same calls to both. */
import {
  type Kwargs,
  Kwargs as KwargsClass,
  type ParameterNames,
  PARAMETERS,
  PBError,
  type PBServerFactory,
  Referenceable,
  type RemoteReference,
  Root,
  serve,
} from "@perspective/broker/broker";

/** An error of the program. */
export class AppError extends PBError {
  static override readonly jellyName = "interop.AppError";
}

/** An object that is sent by reference, and can be called back. */
export class Counter extends Referenceable {
  readonly calls: unknown[][] = [];

  constructor(public count = 0) {
    super();
  }
  remote_called(...args: unknown[]): unknown[] {
    this.calls.push(args);
    return args;
  }
  remote_add(n: number): number {
    return this.count += n;
  }
  remote_fail(text: string): never {
    throw new AppError(text);
  }
}

/** The root object. */
export class EchoRoot extends Root {
  readonly counter = new Counter();
  held: unknown[] = [];
  notes: unknown[] = [];

  remote_echo(x: unknown): unknown {
    return x;
  }
  remote_kw(...args: unknown[]): unknown {
    const kw = args.at(-1) instanceof KwargsClass ? args.pop() as Kwargs : {};
    return [args, { ...kw }];
  }
  get [PARAMETERS](): ParameterNames {
    return { remote_move: ["amount", "to"] };
  }
  remote_move(amount: unknown, to: unknown = "savings"): unknown {
    return [amount, to];
  }
  remote_fail(kind: string): never {
    throw kind === "subclass" ? new AppError("an error of the program") : new RangeError(kind);
  }
  remote_note(x: unknown): void {
    this.notes.push(x);
  }
  remote_notes(): unknown[] {
    return this.notes;
  }
  remote_never(): Promise<never> {
    return new Promise(() => {});
  }
  remote_callMe(reference: RemoteReference, ...args: unknown[]): Promise<unknown> {
    return reference.callRemote("called", ...args);
  }
  remote_callMethod(
    reference: RemoteReference,
    name: string,
    ...args: unknown[]
  ): Promise<unknown> {
    return reference.callRemote(name, ...args);
  }
  remote_hold(reference: unknown): void {
    this.held.push(reference);
  }
  remote_held(): unknown[] {
    return this.held;
  }
  remote_release(): void {
    for (const reference of this.held) (reference as RemoteReference).release();
    this.held = [];
  }
  remote_counter(): Counter {
    return this.counter;
  }
  remote_isCounter(x: unknown): boolean {
    return x === this.counter;
  }
  remote_newCounters(count: number): Counter[] {
    return Array.from({ length: count }, (_, n) => new Counter(n));
  }
}

/** Serves a root object on loopback, without a log. */
export function serveQuietly(root: ConstructorParameters<typeof PBServerFactory>[0]) {
  return serve(root, { hostname: "127.0.0.1", port: 0, log: () => {} });
}
