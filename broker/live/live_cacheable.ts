/**
 * Objects whose fields are kept up to date in all caches without any code of their own
 * (docs/flavors.md, "Live objects").
 *
 * @module
 */

import { ownState } from "../../jelly/mod.ts";
import { Cacheable, type RemoteCacheObserver } from "../flavors/cacheable.ts";
import { type Fields, LiveViewers } from "./live_viewers.ts";

/**
 * A {@linkcode Cacheable} whose caches follow its fields by themselves.
 *
 * Setting or deleting a field of the object changes all caches: the changes of one turn of the
 * event loop go out together, and each viewer gets what `getStateToCopyFor` lets it see. A change
 * within a field's value (`lines.push("x")`) is not noticed: call `changed("lines")`, or set the
 * field to a new value.
 *
 * The object calls `observe_update` of a cache with a dictionary of the fields that are new or
 * different, and `observe_remove` with a list of names. {@linkcode LiveCache} handles both; in
 * Python, so does:
 *
 * ```python
 * class DocumentCache(pb.RemoteCache):
 *     def observe_update(self, changes):
 *         self.__dict__.update(changes)
 *     def observe_remove(self, names):
 *         for name in names:
 *             del self.__dict__[name]
 * ```
 *
 * @example
 * ```ts
 * import { connectPair, LiveCache, LiveCacheable, Root } from "@perspective/broker/broker";
 * import { JellyRegistry } from "@perspective/broker/jelly";
 * import { assertEquals, assertInstanceOf } from "@std/assert";
 *
 * class Document extends LiveCacheable {
 *   static readonly jellyName = "wiki.Document";
 *   title = "Draft";
 * }
 * class DocumentCache extends LiveCache {
 *   title = "";
 * }
 * class Wiki extends Root {
 *   readonly document = new Document();
 *   remote_document(): Document {
 *     return this.document;
 *   }
 * }
 * const registry = new JellyRegistry();
 * registry.setUnjellyableForClass(Document, DocumentCache);
 *
 * const wiki = new Wiki();
 * await using pair = await connectPair(wiki, { client: { registry } });
 * const document = await pair.client.root().callRemote("document");
 * assertInstanceOf(document, DocumentCache);
 * wiki.document.title = "Report";
 * for await (const { title } of document.changes()) {
 *   assertEquals(title, "Report");
 *   break;
 * }
 * ```
 */
export class LiveCacheable extends Cacheable {
  /** The viewers of each object, keyed by the object as the program knows it. */
  static readonly #viewers = new WeakMap<LiveCacheable, LiveViewers>();

  /** Creates the object; `this` in a subclass notices when a field changes. */
  constructor() {
    super();
    const viewers = new LiveViewers((perspective) => live.getStateToCopyFor(perspective));
    // Private fields of subclasses are added to the object that is returned here.
    const live: this = new Proxy(this, {
      defineProperty(target, key, descriptor) {
        viewers.changed();
        return Reflect.defineProperty(target, key, descriptor);
      },
      deleteProperty(target, key) {
        viewers.changed();
        return Reflect.deleteProperty(target, key);
      },
    });
    LiveCacheable.#viewers.set(live, viewers);
    return live;
  }

  /**
   * Returns the fields that a cache has: the object's own, unless overridden.
   *
   * @returns A plain object.
   */
  override getStateToCopy(): Fields {
    return ownState(this);
  }

  /**
   * Returns the fields that a user's cache has: the same for everyone, unless overridden.
   *
   * @param _perspective On whose behalf the object is sent; null for nobody in particular.
   * @returns A plain object. It may include computed fields; call `changed()` when one of those
   * changes without any field of the object.
   */
  override getStateToCopyFor(_perspective: object | null): Fields {
    return this.getStateToCopy();
  }

  /**
   * Reports a change that cannot be noticed from outside.
   *
   * @param names Fields that hold the same objects as before, but in which something has changed.
   */
  changed(...names: readonly string[]): void {
    LiveCacheable.#viewers.get(this)!.changed(names);
  }

  /**
   * Adds a viewer.
   *
   * @param _perspective On whose behalf the object is sent.
   * @param observer Calls the cache.
   * @returns What `getStateToCopyFor` returns.
   */
  override getStateToCacheAndObserveFor(
    _perspective: object | null,
    observer: RemoteCacheObserver,
  ): unknown {
    return LiveCacheable.#viewers.get(this)!.add(observer);
  }

  /**
   * Removes a viewer.
   *
   * @param _perspective On whose behalf the object was sent.
   * @param observer The observer that called the cache.
   */
  override stoppedObserving(_perspective: object | null, observer: RemoteCacheObserver): void {
    LiveCacheable.#viewers.get(this)!.remove(observer);
  }
}
