/**
 * References to objects at the other end (`twisted.spread.pb.RemoteReference`).
 *
 * @module
 */

import { type IJellyable, type Jellier, JellyError } from "../jelly/mod.ts";
import type { Broker } from "./broker.ts";
import { DeadReferenceError } from "./errors.ts";
import type { CallableName, RemoteArgs, RemoteResult, RemoteStub } from "./types.ts";

/** Number of an object at the other end, or the name of one that is published. */
export type ObjectId = number | string;

/**
 * What the peer counts for a reference: how often it sent it. It outlives the reference, so
 * that the peer can be told when the reference is gone.
 */
export interface Arrivals {
  /** Number of the object. */
  readonly luid: number;
  /** How often it came and was not given back. */
  count: number;
}

/**
 * A reference to an object at the other end of a connection.
 *
 * There is one for each object and connection, however often it arrives, so `===` tells whether
 * two are the same object. Only at a server with logins may there be more: one for each user on whose
 * behalf the object came, and one for nobody, as which a mind comes; there,
 * {@linkcode RemoteReference.equals} tells.
 *
 * The other end keeps the object until the reference is released: by `using`, by
 * {@linkcode RemoteReference.release}, or some time after nothing here refers to it any more. A
 * released reference is of no use; should the object arrive again, there will be a new one.
 *
 * @typeParam T The class of the object, whose `remote_` (or `perspective_`, `view_`) methods can be called.
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
  /** Number or name of the object at the other end. */
  readonly luid: ObjectId;
  /** Only tells the compiler what the object can do. */
  declare readonly target?: T;
  // Private: otherwise whoever prints a reference prints the whole broker.
  readonly #broker: Broker;
  readonly #perspective: object | null;
  #arrivals: Arrivals | undefined;
  #isReleased = false;
  /** Typed so that any reference may stand for one of which nothing is known. */
  #callbacks: ((reference: never) => void)[] = [];
  #stub: object | undefined;

  /**
   * Creates a reference; the broker does.
   *
   * @param broker The connection.
   * @param luid Number or name of the object.
   * @param perspective On whose behalf the object came here.
   * @param arrivals What the peer counts; nothing for a published object.
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

  /** On whose behalf the object came here, and arguments of its calls are written. */
  get perspective(): object | null {
    return this.#perspective;
  }

  /** The name of the class, for those who print a reference. */
  get [Symbol.toStringTag](): string {
    return "RemoteReference";
  }

  /**
   * Tells whether another value is a reference to the same object, for whomever it came.
   *
   * @param other Any value.
   * @returns True if connection and object are the same.
   */
  equals(other: unknown): boolean {
    return other instanceof RemoteReference && other.#broker === this.#broker &&
      other.luid === this.luid;
  }

  /**
   * Calls a method of the object.
   *
   * @param name Name of the method, without `remote_`.
   * @param args Positional arguments; keyword arguments (`kwargs()`) come last, options of the
   * call (`callOptions()`) after them.
   * @returns What the method returned.
   * @throws {RemoteError} If the method failed.
   * @throws {JellyError} If an argument cannot be sent; nothing was sent then.
   * @throws {LimitError} If too many calls wait for an answer, or too much waits to be written; likewise.
   * @throws {CallTimeoutError} If the answer did not come within the time that the options give.
   * @throws {unknown} The reason of the signal in the options, if that aborts before.
   * @throws {PBConnectionLost} If the connection closed before the answer came.
   * @throws {DeadReferenceError} If it had closed before, or the reference was released.
   * @throws {ProtocolError} If the answer is an object with a method `then`, as promises have.
   */
  callRemote<Name extends CallableName<T>, Answer extends boolean = true>(
    name: Name,
    ...args: RemoteArgs<T, Name, Answer>
  ): Promise<RemoteResult<T, Name, Answer>> {
    return this.#call(name, args) as Promise<RemoteResult<T, Name, Answer>>;
  }

  /** The object's methods, to be called as if they were here. It is sent as the reference itself. */
  get remote(): RemoteStub<T> {
    this.#stub ??= stubOf(this, (name, args) => this.#call(name, args));
    return this.#stub as RemoteStub<T>;
  }

  #call(name: string, args: readonly unknown[]): Promise<unknown> {
    if (this.#isReleased) return Promise.reject(released(name));
    return this.#broker.call(this.luid, name, args, this.#perspective);
  }

  /**
   * Gives a method of the object as a value.
   *
   * @param name Name of the method, without `remote_`.
   * @returns The method; two for the same object and name are equal by `equals`.
   */
  remoteMethod<Name extends CallableName<T>>(name: Name): RemoteMethod<T, Name> {
    return new RemoteMethod(this, name);
  }

  /**
   * Has a function called when the connection is lost.
   *
   * Until then the connection keeps the reference, and it is not collected as garbage; take back what is
   * no longer of use. It is called for a reference that was released, too.
   *
   * @param callback Gets this reference.
   */
  notifyOnDisconnect(callback: (reference: RemoteReference<T>) => void): void {
    this.#callbacks.push(callback);
    if (this.#callbacks.length === 1) this.#broker.notifyOnDisconnect(this.#disconnected);
  }

  /**
   * Takes back {@linkcode RemoteReference.notifyOnDisconnect}.
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
    this.#broker.notifyAll(callbacks.map((callback) => () => callback(this as never)));
  };

  /** Whether the reference was released. */
  get isReleased(): boolean {
    return this.#isReleased;
  }

  /**
   * Gives the object back, so that the other end may forget it. A second call does nothing; the
   * root object is not counted, and can be used again by `broker.root()`.
   */
  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    if (this.#arrivals !== undefined) this.#broker.giveBack(this.#arrivals);
  }

  /** Same as {@linkcode RemoteReference.release}, for `using`. */
  [Symbol.dispose](): void {
    this.release();
  }

  /**
   * Writes the reference for the connection that it belongs to, where it stands for the object itself.
   *
   * @param jellier Where to write.
   * @throws {JellyError} If the value is for another connection.
   */
  jellyFor(jellier: Jellier): void {
    if (jellier.invoker !== this.#broker) {
      throw new JellyError("a reference can be sent only over the connection that it came from");
    }
    if (this.#isReleased) throw new JellyError("the reference was released");
    jellier.tagged(
      "local",
      typeof this.luid === "number" ? this.luid : new TextEncoder().encode(this.luid),
    );
  }
}

/** What stubs have for a prototype: they are not to be taken for plain objects, and sent as such. */
const STUB = Object.freeze(Object.create(null));

/**
 * Makes a stub: whatever is asked of it by name is a remote method. What the language, and those who
 * print and send values, ask of any object is answered here.
 */
function stubOf(
  reference: IJellyable,
  call: (name: string, args: readonly unknown[]) => Promise<unknown>,
): object {
  const own: Record<string | symbol, unknown> = {
    // With a `then`, it would be taken for a promise.
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
 * Gives the error for a call over a reference that was released.
 *
 * @param name Name of the method.
 * @returns The error.
 */
export function released(name: string): DeadReferenceError {
  return new DeadReferenceError(`Cannot call "${name}": the reference was released`);
}

/**
 * A method of an object at the other end, as a value (`twisted.spread.pb.RemoteMethod`).
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
  ): Promise<RemoteResult<T, Name, Answer>> {
    return this.obj.callRemote(this.name, ...args);
  }

  /**
   * Tells whether another value is the same method of the same object.
   *
   * @param other Any value.
   * @returns True if object and name are the same.
   */
  equals(other: unknown): boolean {
    return other instanceof RemoteMethod && this.obj.equals(other.obj) && other.name === this.name;
  }
}
