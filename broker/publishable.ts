/**
 * Objects whose state clients keep (`twisted.spread.publish.Publishable`; docs/paging.md,
 * "Published objects").
 *
 * @module
 */

import { Cacheable, type RemoteCacheObserver } from "./cacheable.ts";
import { ViewPoint } from "./view_point.ts";

/** Whom something is published for, by names that stay the same from one connection to the next. */
export interface Audience {
  /** Name of the user; `None` for nobody in particular. */
  readonly perspective: string;
  /** Name of the service that knows the user; `None` for none in particular. */
  readonly service: string;
}

/** For whom an object is published to nobody in particular. */
export const EVERYBODY: Audience = Object.freeze({ perspective: "None", service: "None" });

/**
 * An object whose state a client keeps beyond the connection, and asks for only when it has changed.
 *
 * What travels first is an identifier and a timestamp. Whoever has kept the state of that time uses
 * it; others fetch it.
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
  /** What the object is known by, forever. */
  readonly publishedID: string | number;
  #timestamp = 0;

  /**
   * Creates an object that was published now.
   *
   * @param publishedID What the object is known by, also after the program was started anew.
   */
  constructor(publishedID: string | number) {
    super();
    this.publishedID = publishedID;
    this.republish();
  }

  /** When the state changed last, in seconds since 1970. */
  get timestamp(): number {
    return this.#timestamp;
  }

  /**
   * Notes that the state has changed: whoever gets the object from now on fetches the state, too. Who
   * holds it already goes on with the old state, over the same connection, until it is released.
   */
  republish(): void {
    const now = Date.now() / 1000;
    // Two changes within a millisecond are two all the same.
    this.#timestamp = now > this.#timestamp ? now : this.#timestamp + 0.001;
  }

  /**
   * Gives the state to publish: a plain object, which becomes fields at the other end.
   *
   * @returns The state.
   */
  abstract getStateToPublish(): unknown;

  /**
   * Gives the state to publish for a user: the same for all, unless overridden.
   *
   * @param _perspective The user's avatar; null for nobody in particular.
   * @returns The state.
   */
  getStateToPublishFor(_perspective: object | null): unknown {
    return this.getStateToPublish();
  }

  /**
   * Gives the state to a client that fetches it.
   *
   * @param perspective The user's avatar.
   * @returns The state.
   */
  view_getStateToPublish(perspective: object | null): unknown {
    return this.getStateToPublishFor(perspective);
  }

  /**
   * Names whom the object is published for: by the field `perspectiveName` of the avatar, and by the
   * `serviceName` of what its `getService` gives, unless overridden.
   *
   * @param perspective The user's avatar; null for nobody in particular.
   * @returns The names.
   * @throws {TypeError} If the avatar has no name: what one user may see must not be kept for all.
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
   * Gives what travels first: what tells whether a state that was kept is that of today.
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
