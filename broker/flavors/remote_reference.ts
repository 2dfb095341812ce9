/**
 * References to the peer's objects (`twisted.spread.pb.RemoteReference`).
 *
 * @module
 */

import { type IJellyable, type Jellier, JellyError } from "../../jelly/mod.ts";
import type { Broker } from "../connection/broker.ts";
import { DeadReferenceError } from "../errors/errors.ts";
import { CONNECTION } from "./invoker.ts";
import { NO_ANSWER } from "./kwargs.ts";
import type { RemotePromise } from "./remote_promise.ts";
import type { CallableName, MethodArgs, RemoteArgs, RemoteResult, RemoteStub } from "./types.ts";

/** Number of an object of the peer, or the name of a published one. */
export type ObjectId = number | string;

/**
 * The peer's count for a reference: how often it sent it. This object outlives the reference, so
 * that the peer can be told when the reference is gone.
 */
export interface Arrivals {
  /** Number of the object. */
  readonly luid: number;
  /** How often it arrived and has not been given back. */
  count: number;
}

/**
 * A reference to an object of the peer.
 *
 * There is one for each object and connection, however often it arrives, so `===` shows whether two
 * are the same object. The exception is a server with logins, where there may be one for each user
 * on whose behalf the object arrived, and one for nobody in particular, which is how a mind
 * arrives; there, use {@linkcode RemoteReference.equals}.
 *
 * The peer keeps the object until the reference is released: by `using`, by
 * {@linkcode RemoteReference.release}, or some time after nothing here refers to it any more. A
 * released reference cannot be used; if the object arrives again, there will be a new one.
 *
 * @typeParam T The class of the object, whose `remote_` (or `perspective_`, `view_`) methods can be
 * called.
 *
 * @example
 * ```ts
 * import { connectPair, Root } from "@perspective/broker/broker";
 * import { assertEquals } from "@std/assert";
 *
 * class Echo extends Root {
 *   remote_echo(text: string): string {
 *     return text;
 *   }
 * }
 * await using pair = await connectPair(new Echo());
 * const echo = pair.client.root<Echo>();
 * assertEquals(await echo.callRemote("echo", "hi"), "hi");
 * assertEquals(await echo.remote.echo("hi"), "hi");
 * ```
 */
export class RemoteReference<T = unknown> implements IJellyable, Disposable {
  /** Number or name of the object at the peer. */
  readonly luid: ObjectId;
  /** For the compiler only: what the object can do. */
  declare readonly target?: T;
  // Private: otherwise printing a reference would print the whole broker.
  readonly #broker: Broker;
  readonly #perspective: object | null;
  #arrivals: Arrivals | undefined;
  #isReleased = false;
  /** Number of calls that need it and wait to be sent. */
  #holds = 0;
  /** Typed so that any reference may be passed as an untyped one. */
  #callbacks: ((reference: never) => void)[] = [];
  #stub: object | undefined;

  /**
   * Creates a reference; called by the broker.
   *
   * @param broker The connection.
   * @param luid Number or name of the object.
   * @param perspective On whose behalf the object arrived.
   * @param arrivals What the peer counts; undefined for a published object.
   */
  constructor(
    broker: Broker,
    luid: ObjectId,
    perspective: object | null,
    arrivals: Arrivals | undefined,
  ) {
    this.luid = luid;
    this.#broker = broker;
    this.#perspective = perspective;
    this.#arrivals = arrivals;
  }

  /** The connection to the object. */
  get broker(): Broker {
    return this.#broker;
  }

  /** On whose behalf the object arrived, and arguments of its calls are written. */
  get perspective(): object | null {
    return this.#perspective;
  }

  /** The name of the class, for code that prints a reference. */
  get [Symbol.toStringTag](): string {
    return "RemoteReference";
  }

  /**
   * Returns whether another value is a reference to the same object, no matter on whose behalf it
   * arrived.
   *
   * @param other Any value.
   * @returns True if both the connection and the object are the same.
   */
  equals(other: unknown): boolean {
    return other instanceof RemoteReference && other.#broker === this.#broker &&
      other.luid === this.luid;
  }

  /**
   * Calls a method of the object.
   *
   * @param name Name of the method, without `remote_`.
   * @param args Positional arguments, followed by any keyword arguments (`kwargs()`), and then by
   * any options of the call (`callOptions()`).
   * @returns What the method returned.
   * @throws {RemoteError} If the method failed.
   * @throws {JellyError} If an argument cannot be sent; nothing is sent then.
   * @throws {LimitError} If too many calls wait for an answer, or too many bytes wait to be
   * written; nothing is sent then.
   * @throws {CallTimeoutError} If the answer did not arrive within the time that the options set.
   * @throws {unknown} The reason of the signal in the options, if it aborts first.
   * @throws {PBConnectionLost} If the connection closed before the answer arrived.
   * @throws {DeadReferenceError} If the connection had closed before the call, or the reference was
   * released.
   * @throws {ProtocolError} If the answer is an object with a `then` method, as promises have.
   */
  callRemote<Name extends CallableName<T>, Answer extends boolean = true>(
    name: Name,
    ...args: RemoteArgs<T, Name, Answer>
  ): Promise<RemoteResult<T, Name, NoInfer<Answer>>> {
    return this.#call(name, args) as Promise<RemoteResult<T, Name, Answer>>;
  }

  /**
   * Tells the object something without an answer, and whatever becomes of it: there is nothing to
   * await or to catch. Nothing is sent over a lost connection; what else cannot be sent is logged.
   *
   * A peer that does not read is told nothing more once `maxBufferedBytes` bytes wait for it. Code
   * that sends a lot should rather await `callRemote` with the option `answer: false`.
   *
   * @example
   * ```ts
   * import { type RemoteReference, Root } from "@perspective/broker/broker";
   *
   * interface Watcher {
   *   remote_posted(text: string): void;
   * }
   * class Board extends Root {
   *   readonly #watchers = new Set<RemoteReference<Watcher>>();
   *   remote_watch(watcher: RemoteReference<Watcher>): void {
   *     this.#watchers.add(watcher);
   *     watcher.notifyOnDisconnect(() => this.#watchers.delete(watcher));
   *   }
   *   remote_post(text: string): void {
   *     for (const watcher of this.#watchers) watcher.callRemoteOnly("posted", text);
   *   }
   * }
   * ```
   *
   * @param name Name of the method, without `remote_`.
   * @param args Positional arguments, followed by any keyword arguments.
   */
  callRemoteOnly<Name extends CallableName<T>>(name: Name, ...args: MethodArgs<T, Name>): void {
    this.#call(name, [...args as readonly unknown[], NO_ANSWER]).catch((error) => {
      if (this.#broker.isClosed) return;
      const message = `Cannot send call of "${name}"`;
      const entry = {
        event: "callFailed",
        level: "warning",
        method: name,
        message,
        error,
      } as const;
      this.#broker[CONNECTION].logOften(entry);
    });
  }

  /**
   * The object's methods, callable as if they were local. The stub is sent as the reference itself.
   */
  get remote(): RemoteStub<T> {
    this.#stub ??= stubOf(this, (name, args) => this.#call(name, args));
    return this.#stub as RemoteStub<T>;
  }

  /**
   * Calls a method whose result can be used before it has arrived: its own methods can be called if
   * it is an object, and it can be an argument of other calls. That takes one round trip, not two.
   *
   * With a peer that does not use this library, the other calls wait for the answer.
   *
   * @example
   * ```ts
   * import { connectPair, Referenceable, Root } from "@perspective/broker/broker";
   * import { assertEquals } from "@std/assert";
   *
   * class Account extends Referenceable {
   *   remote_balance(): number {
   *     return 100;
   *   }
   * }
   * class Bank extends Root {
   *   remote_account(_owner: string): Account {
   *     return new Account();
   *   }
   * }
   * await using pair = await connectPair(new Bank());
   * const bank = pair.client.root<Bank>();
   * using account = bank.pipeline("account", "alice");
   * assertEquals(await account.callRemote("balance"), 100);
   * ```
   *
   * @param name Name of the method, without `remote_`.
   * @param args As for `callRemote`.
   * @returns The result, which can also be awaited.
   */
  pipeline<Name extends CallableName<T>>(
    name: Name,
    ...args: RemoteArgs<T, Name, true>
  ): RemotePromise<RemoteResult<T, Name>> {
    const promise = this.#broker[CONNECTION].pipeline(
      name,
      (onKept) => this.#call(name, args, onKept),
    );
    return promise as RemotePromise<RemoteResult<T, Name>>;
  }

  #call(
    name: string,
    args: readonly unknown[],
    onKept?: (request: number) => void,
  ): Promise<unknown> {
    if (this.#isReleased) return Promise.reject(released(name));
    return this.#broker[CONNECTION].call(this as never, name, args, onKept);
  }

  /**
   * Returns a method of the object as a value.
   *
   * @param name Name of the method, without `remote_`.
   * @returns The method; two for the same object and name are equal according to `equals`.
   */
  remoteMethod<Name extends CallableName<T>>(name: Name): RemoteMethod<T, Name> {
    return new RemoteMethod(this, name);
  }

  /**
   * Registers a function to be called when the connection is lost.
   *
   * Until then the connection keeps the reference, which is not garbage collected; unregister
   * functions that are no longer needed. They are called even if the reference was released.
   *
   * @param callback Receives this reference.
   */
  notifyOnDisconnect(callback: (reference: RemoteReference<T>) => void): void {
    this.#callbacks.push(callback);
    if (this.#callbacks.length === 1) this.#broker.notifyOnDisconnect(this.#disconnected);
  }

  /**
   * Undoes {@linkcode RemoteReference.notifyOnDisconnect}.
   *
   * @param callback The function.
   */
  dontNotifyOnDisconnect(callback: (reference: RemoteReference<T>) => void): void {
    const index = this.#callbacks.indexOf(callback);
    if (index === -1) return;
    this.#callbacks.splice(index, 1);
    if (this.#callbacks.length === 0) this.#broker.dontNotifyOnDisconnect(this.#disconnected);
  }

  readonly #disconnected = (): void => {
    const callbacks = this.#callbacks;
    this.#callbacks = [];
    this.#broker[CONNECTION].notifyAll(callbacks.map((callback) => () => callback(this as never)));
  };

  /** Whether the reference was released. */
  get isReleased(): boolean {
    return this.#isReleased;
  }

  /**
   * Gives the object back, so that the peer may forget it. A second call does nothing; the root
   * object is not counted, and can be used again through `broker.root()`.
   */
  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#giveBack();
  }

  #giveBack(): void {
    if (this.#holds !== 0 || !this.#isReleased || this.#arrivals === undefined) return;
    this.#broker[CONNECTION].giveBack(this.#arrivals);
    this.#arrivals = undefined;
  }

  /**
   * Keeps the object from being given back while a call waits that was made before; called by the
   * broker.
   *
   * @returns Ends this; to be called once.
   * @internal
   */
  hold(): () => void {
    this.#holds++;
    return () => {
      this.#holds--;
      this.#giveBack();
    };
  }

  /** Gives the object back, for `using`; see {@linkcode RemoteReference.release}. */
  [Symbol.dispose](): void {
    this.release();
  }

  /**
   * Writes the reference for the connection that it belongs to, where it stands for the object
   * itself.
   *
   * @param jellier The jellier to write with.
   * @throws {JellyError} If the value is for another connection.
   */
  jellyFor(jellier: Jellier): void {
    if (jellier.invoker !== this.#broker) {
      throw new JellyError("a reference can be sent only over the connection that it came from");
    }
    if (this.#isReleased && this.#holds === 0) throw new JellyError("the reference was released");
    jellier.tagged(
      "local",
      typeof this.luid === "number" ? this.luid : new TextEncoder().encode(this.luid),
    );
  }
}

/** The prototype of stubs: they must not be mistaken for plain objects, and sent as such. */
const STUB = Object.freeze(Object.create(null));

/**
 * Creates a stub, on which every name is a remote method, except for what the language, and code
 * that prints and sends values, expects of any object.
 *
 * @param reference What the stub is sent as.
 * @param call Calls a method.
 * @returns The stub.
 */
export function stubOf(
  reference: IJellyable,
  call: (name: string, args: readonly unknown[]) => Promise<unknown>,
): object {
  const own: Record<string | symbol, unknown> = {
    // With a `then`, it would be mistaken for a promise.
    then: undefined,
    toJSON: () => reference,
    jellyFor: (jellier: Jellier) => reference.jellyFor(jellier),
    [Symbol.toPrimitive]: () => String(reference),
  };
  return new Proxy(Object.freeze(Object.create(STUB)), {
    get(_target, name) {
      if (typeof name === "symbol" || Object.hasOwn(own, name)) return own[name];
      return (...args: unknown[]) => call(name, args);
    },
  });
}

/**
 * Returns the error for a call through a released reference.
 *
 * @param name Name of the method.
 * @returns The error.
 */
export function released(name: string): DeadReferenceError {
  return new DeadReferenceError(`Cannot call "${name}": the reference was released`);
}

/**
 * A method of an object of the peer, as a value (`twisted.spread.pb.RemoteMethod`).
 *
 * @typeParam T The class of the object.
 * @typeParam Name Name of the method.
 */
export class RemoteMethod<T = unknown, Name extends CallableName<T> = CallableName<T>> {
  /** The object. */
  readonly obj: RemoteReference<T>;
  /** Name of the method, without `remote_`. */
  readonly name: Name;

  /**
   * Creates a method value.
   *
   * @param obj The object.
   * @param name Name of the method.
   */
  constructor(obj: RemoteReference<T>, name: Name) {
    this.obj = obj;
    this.name = name;
  }

  /**
   * Calls the method.
   *
   * @param args As for `callRemote`.
   * @returns What the method returned.
   */
  call<Answer extends boolean = true>(
    ...args: RemoteArgs<T, Name, Answer>
  ): Promise<RemoteResult<T, Name, NoInfer<Answer>>> {
    return this.obj.callRemote<Name, Answer>(this.name, ...args);
  }

  /**
   * Returns whether another value is the same method of the same object.
   *
   * @param other Any value.
   * @returns True if both the object and the name are the same.
   */
  equals(other: unknown): boolean {
    return other instanceof RemoteMethod && this.obj.equals(other.obj) && other.name === this.name;
  }
}
