/**
 * How something ends, for those who ask.
 *
 * @module
 */

/** Where an outcome stands; `resolve` and `reject` are there once somebody has asked. */
type State<T> =
  | { readonly kind: "open"; readonly asked?: PromiseWithResolvers<T> }
  | { readonly kind: "resolved"; readonly value: T }
  | { readonly kind: "rejected"; readonly reason: unknown };

const OPEN = Object.freeze({ kind: "open" });

/**
 * A promise that is made only if somebody asks for it: most connections are not waited for, and a
 * promise with its functions is a third of a kilobyte. Who asks may look at it later, or never: a
 * rejection that nobody catches harms nobody.
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
   * Says that it went well; once there is an outcome, nothing changes it.
   *
   * @param value What came of it.
   */
  resolve(value: T): void {
    if (this.#state.kind !== "open") return;
    this.#state.asked?.resolve(value);
    this.#state = { kind: "resolved", value };
  }

  /**
   * Says that it failed; once there is an outcome, nothing changes it.
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
