/**
 * Objects whose state is kept by clients (`twisted.spread.publish.Publishable`; docs/paging.md,
 * "Published objects").
 *
 * @module
 */

import { Cacheable, type RemoteCacheObserver } from "../flavors/cacheable.ts";
import { ViewPoint } from "../flavors/view_point.ts";

/**
 * The audience that something is published for, by names that stay the same from one connection to
 * the next.
 */
export interface Audience {
  /** Name of the user; `None` for nobody in particular. */
  readonly perspective: string;
  /** Name of the service that knows the user; `None` for none in particular. */
  readonly service: string;
}

/** The audience of an object that is published for nobody in particular. */
export const EVERYBODY: Audience = Object.freeze({ perspective: "None", service: "None" });

/**
 * An object whose state a client keeps beyond the connection, and fetches only when it has changed.
 *
 * An identifier and a timestamp are sent first. A client that has kept the state with that
 * timestamp uses it; others fetch the state.
 *
 * @example
 * ```ts
 * import { Publishable } from "@perspective/broker/broker";
 *
 * class Catalogue extends Publishable {
 *   static readonly jellyName = "shop.Catalogue";
 *   #articles = ["book"];
 *   override getStateToPublish(): unknown {
 *     return { articles: this.#articles };
 *   }
 *   add(article: string): void {
 *     this.#articles.push(article);
 *     this.republish();
 *   }
 * }
 * new Catalogue("catalogue").add("pen");
 * ```
 */
export abstract class Publishable extends Cacheable {
  /** The permanent identifier of the object. */
  readonly publishedID: string | number;
  #timestamp = 0;

  /**
   * Creates an object, published as of now.
   *
   * @param publishedID The identifier of the object, which must be the same after the program is
   * restarted.
   */
  constructor(publishedID: string | number) {
    super();
    this.publishedID = publishedID;
    this.republish();
  }

  /** When the state last changed, in seconds since 1970. */
  get timestamp(): number {
    return this.#timestamp;
  }

  /**
   * Records that the state has changed: clients that receive the object from now on fetch the state
   * too. Clients that already hold it keep the old state, over the same connection, until it is
   * released.
   */
  republish(): void {
    const now = Date.now() / 1000;
    // Two changes within a millisecond must still have different timestamps.
    this.#timestamp = now > this.#timestamp ? now : this.#timestamp + 0.001;
  }

  /**
   * Returns the state to publish: a plain object, which becomes fields at the other end.
   *
   * @returns The state.
   */
  abstract getStateToPublish(): unknown;

  /**
   * Returns the state to publish for a user: the same for everyone, unless overridden.
   *
   * @param _perspective The user's avatar; null for nobody in particular.
   * @returns The state.
   */
  getStateToPublishFor(_perspective: object | null): unknown {
    return this.getStateToPublish();
  }

  /**
   * Returns the state to a client that fetches it.
   *
   * @param perspective The user's avatar.
   * @returns The state.
   */
  view_getStateToPublish(perspective: object | null): unknown {
    return this.getStateToPublishFor(perspective);
  }

  /**
   * Returns the audience that the object is published for: the `perspectiveName` field of the
   * avatar, and the `serviceName` of what its `getService` returns, unless overridden.
   *
   * @param perspective The user's avatar; null for nobody in particular.
   * @returns The names.
   * @throws {TypeError} If the avatar has no name: what one user may see must not be kept for
   * everyone.
   */
  audienceOf(perspective: object | null): Audience {
    if (perspective === null) return EVERYBODY;
    const { perspectiveName, getService } = perspective as {
      perspectiveName?: unknown;
      getService?: () => { serviceName?: unknown };
    };
    if (typeof perspectiveName !== "string") {
      throw new TypeError("Cannot publish for a user without a perspectiveName");
    }
    const service = getService?.call(perspective).serviceName ?? EVERYBODY.service;
    return { perspective: perspectiveName, service: String(service) };
  }

  /**
   * Returns what is sent first: enough to tell whether a kept state is current.
   *
   * @param perspective The user's avatar; null for nobody in particular.
   * @param _observer Calls the copy; not used.
   * @returns The state of the cache before it is activated.
   */
  override getStateToCacheAndObserveFor(
    perspective: object | null,
    _observer: RemoteCacheObserver,
  ): unknown {
    return {
      remote: new ViewPoint(perspective, this),
      publishedID: this.publishedID,
      ...this.audienceOf(perspective),
      timestamp: this.#timestamp,
    };
  }
}
