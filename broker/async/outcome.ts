/**
 * The outcome of something, for code that asks.
 *
 * @module
 */

/** The state of an outcome; `asked` is there once something has asked. */
type State<T> =
  | { readonly kind: "open"; readonly asked?: PromiseWithResolvers<T> }
  | { readonly kind: "resolved"; readonly value: T }
  | { readonly kind: "rejected"; readonly reason: unknown };

const OPEN = Object.freeze({ kind: "open" });

/**
 * A promise that is created only if something asks for it: most connections are not waited for, and
 * a promise with its functions takes a third of a kilobyte. Code that asks may handle it later, or
 * never: a rejection that nothing catches does no harm.
 */
export class Outcome<T> {
  #state: State<T> = OPEN as State<T>;

  /** Settles when the outcome is known. */
  get promise(): Promise<T> {
    const state = this.#state;
    if (state.kind === "resolved") return Promise.resolve(state.value);
    if (state.kind === "rejected") return harmless(Promise.reject(state.reason));
    const asked = state.asked ?? Promise.withResolvers<T>();
    this.#state = { kind: "open", asked };
    return harmless(asked.promise);
  }

  /** Whether the outcome is known. */
  get isKnown(): boolean {
    return this.#state.kind !== "open";
  }

  /**
   * Records success; once there is an outcome, nothing changes it.
   *
   * @param value The result.
   */
  resolve(value: T): void {
    if (this.#state.kind !== "open") return;
    this.#state.asked?.resolve(value);
    this.#state = { kind: "resolved", value };
  }

  /**
   * Records failure; once there is an outcome, nothing changes it.
   *
   * @param reason Why.
   */
  reject(reason: unknown): void {
    if (this.#state.kind !== "open") return;
    this.#state.asked?.reject(reason);
    this.#state = { kind: "rejected", reason };
  }
}

function harmless<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}
