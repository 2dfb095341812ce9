/**
 * Caches that outlive the connection (`twisted.spread.publish.RemotePublished`; docs/paging.md,
 * "Published objects").
 *
 * @module
 */

import {
  applyState,
  decodeValue,
  encodeValue,
  JellyError,
  type JellyList,
  type Unjellier,
} from "../../jelly/mod.ts";
import type { Broker } from "../connection/broker.ts";
import { DeadReferenceError, PBConnectionLost, ProtocolError } from "../errors/errors.ts";
import { noOperation } from "../errors/failure.ts";
import { brokerOf, CONNECTION } from "../flavors/invoker.ts";
import { RemoteCache } from "../flavors/remote_cache.ts";
import { RemoteReference } from "../flavors/remote_reference.ts";
import { EVERYBODY } from "./publishable.ts";
import type { PublishedStorage } from "./published_storage.ts";

/**
 * Maximum length of an identifier, in characters or bytes: no storage has longer names, and many
 * objects may share one.
 */
const MAX_NAME = 1024;

/**
 * How far the activation of an object has got. This is kept beside the object while it may be
 * garbage collected.
 */
interface Progress {
  /** The connection that it arrived over; without one, it is never activated. */
  broker: Broker | undefined;
  isActivated: boolean;
  wasCleanWhenLoaded: boolean;
  /** Its fields, once it may be garbage collected. */
  fields: unknown;
}

/**
 * What a {@linkcode Publishable} arrives as. It is activated, and has its fields, some time after
 * it has arrived: as soon as its state is found in the storage, or fetched.
 *
 * @example
 * ```ts
 * import { MemoryPublishedStorage, RemotePublished } from "@perspective/broker/broker";
 * import { JellyRegistry } from "@perspective/broker/jelly";
 *
 * const kept = new MemoryPublishedStorage();
 *
 * class RemoteCatalogue extends RemotePublished {
 *   articles: string[] = [];
 *   override getStorage() {
 *     return kept;
 *   }
 * }
 * const registry = new JellyRegistry();
 * registry.setUnjellyableForClass("shop.Catalogue", RemoteCatalogue);
 * ```
 */
export abstract class RemotePublished extends RemoteCache {
  /** The object itself, to be called. */
  remote: RemoteReference | null = null;
  /** The identifier of the object. */
  publishedID: unknown = null;
  /**
   * Name of the user that it is published for: a string, or bytes, as avatars' names are in
   * Twisted.
   */
  perspective: unknown = EVERYBODY.perspective;
  /** Name of the service that knows the user. */
  service: unknown = EVERYBODY.service;
  /** When its state last changed, in seconds since 1970. */
  timestamp = 0;
  readonly #activation = Promise.withResolvers<void>();
  #progress: Progress = {
    broker: undefined,
    isActivated: false,
    wasCleanWhenLoaded: false,
    fields: undefined,
  };

  /**
   * Returns the storage where states are kept. Use one for each server: servers know nothing of
   * each other's identifiers.
   *
   * @returns The storage.
   */
  abstract getStorage(): PublishedStorage;

  /** Whether the state is available. */
  get isActivated(): boolean {
    return this.#progress.isActivated;
  }

  /** Whether the state was found in the storage, rather than fetched. */
  get wasCleanWhenLoaded(): boolean {
    return this.#progress.wasCleanWhenLoaded;
  }

  /** Settles when the object is activated (resolves), or cannot be (rejects). */
  get ready(): Promise<void> {
    return this.#activation.promise;
  }

  /**
   * Returns the name under which the state is kept: a different one for each service, user and
   * identifier.
   *
   * @param ext The ending of the name. Defaults to `pub`.
   * @returns The name, in which nothing has a special meaning to a file system.
   * @throws {JellyError} If one of the three is valid for this connection only, such as a
   * reference, or is longer than 1024 characters or bytes.
   */
  getFileName(ext: string = "pub"): string {
    const parts = [this.service, this.perspective, this.publishedID];
    return `${parts.map(fileNameOf).join("-")}.${ext}`;
  }

  /** Called when the object is activated; does nothing unless overridden. */
  activated(): void {}

  /**
   * Registers a function to be called when the object is activated, or at once if it already is.
   *
   * @param callback Receives this object; if it fails, that is logged.
   */
  callWhenActivated(callback: (published: this) => void): void {
    const notify = () => this.#progress.broker?.[CONNECTION].notifyAll([() => callback(this)]);
    if (this.isActivated) notify();
    else this.ready.then(notify, noOperation);
  }

  /** Releases the object itself, since no more updates arrive. */
  override updatesEnded(_reason: Error | undefined): void {
    const remote: unknown = this.remote;
    if (remote instanceof RemoteReference) remote.release();
  }

  /** Returns the fields, and how far the activation has got. */
  override keepState(): unknown {
    this.#progress.fields = super.keepState();
    return this.#progress;
  }

  /**
   * Takes over from another object of the class.
   *
   * @param state What `keepState` returned.
   */
  override restoreState(state: unknown): void {
    this.#progress = { ...state as Progress };
    super.restoreState(this.#progress.fields);
    if (this.isActivated) this.#activation.resolve();
  }

  /**
   * Reads what is sent first, and begins to look for the state.
   *
   * @param unjellier The unjellier that reads the whole value.
   * @param list The items after the tag.
   * @returns This object.
   */
  override unjellyFor(unjellier: Unjellier, list: JellyList): unknown {
    const published = super.unjellyFor(unjellier, list);
    this.#activation.promise.catch(noOperation);
    if (unjellier.invoker !== undefined) this.#begin(brokerOf(unjellier, this));
    return published;
  }

  async #begin(broker: Broker): Promise<void> {
    this.#progress.broker = broker;
    try {
      await this.#activate(broker);
    } catch (error) {
      this.#activation.reject(error);
      if (error instanceof PBConnectionLost || error instanceof DeadReferenceError) return;
      warn(broker, "Cannot activate a published object", error);
    }
  }

  async #activate(broker: Broker): Promise<void> {
    const { timestamp } = this;
    const name = this.#nameToKeep(broker);
    const kept = name === undefined ? undefined : await this.#load(broker, name);
    const isClean = this.#progress.wasCleanWhenLoaded = kept?.timestamp === timestamp;
    const state = isClean ? kept?.state : await this.#fetch();
    const toSave = isClean || name === undefined
      ? undefined
      : encoded(broker, name, { timestamp, state });
    applyState(this, state);
    this.#progress.isActivated = true;
    if (this.#progress.fields !== undefined) this.#progress.fields = super.keepState();
    this.#activation.resolve();
    broker[CONNECTION].notifyAll([() => this.activated()]);
    if (toSave !== undefined) await this.#save(broker, name!, toSave);
  }

  /** Returns the name under which the state is kept; undefined if it cannot be kept. */
  #nameToKeep(broker: Broker): string | undefined {
    try {
      return this.getFileName();
    } catch (error) {
      warn(broker, "Cannot keep a published object", error);
      return undefined;
    }
  }

  async #fetch(): Promise<unknown> {
    // The type is checked because the fields came from the peer.
    const remote: unknown = this.remote;
    if (remote instanceof RemoteReference) return await remote.callRemote("getStateToPublish");
    throw new ProtocolError(
      "Cannot fetch a published object: it arrived without a reference to its original",
    );
  }

  async #load(broker: Broker, name: string): Promise<StoredState | undefined> {
    try {
      const bytes = await this.getStorage().load(name);
      if (bytes === undefined) return undefined;
      const { registry, security, limits } = broker.settings;
      return decodeValue(bytes, { registry, security, limits }) as StoredState;
    } catch (error) {
      warn(broker, `Cannot load "${name}"`, error);
      return undefined;
    }
  }

  async #save(broker: Broker, name: string, bytes: Uint8Array): Promise<void> {
    try {
      await this.getStorage().save(name, bytes);
    } catch (error) {
      warn(broker, `Cannot save "${name}"`, error);
    }
  }
}

/** What a storage holds; another program may have left anything there. */
type StoredState = { readonly timestamp?: unknown; readonly state?: unknown } | null;

/** Encodes a state; one that refers to the connection cannot be kept. */
function encoded(broker: Broker, name: string, stored: StoredState): Uint8Array | undefined {
  try {
    const { registry, limits } = broker.settings;
    return encodeValue(stored, { registry, limits });
  } catch (error) {
    warn(broker, `Cannot save "${name}"`, error);
    return undefined;
  }
}

function warn(broker: Broker, message: string, error: unknown): void {
  broker[CONNECTION].logOften({ event: "stateFailed", level: "warning", message, error });
}

/**
 * Turns a name that a peer gave, of whatever type, into a part of a file name: a different one for
 * each name.
 */
function fileNameOf(part: unknown): string {
  if (typeof part === "string") {
    if (part.length > MAX_NAME) {
      throw new JellyError(
        `Cannot make a file name from a text: it has more than ${MAX_NAME} characters`,
      );
    }
    return encodeURIComponent(part.toWellFormed()).replace(/[-.!~*'()]/g, percent);
  }
  // No string becomes this: after a percent sign it has two digits.
  return `%x${encodeValue(part, { limits: { maxMessageBytes: MAX_NAME } }).toHex()}`;
}

function percent(char: string): string {
  return `%${char.charCodeAt(0).toString(16)}`;
}

/**
 * Waits for a call that returns a published object, and until the object is activated.
 *
 * @example
 * ```ts
 * import { type RemotePublished, type RemoteReference, whenReady } from "@perspective/broker/broker";
 *
 * async function catalogue(shop: RemoteReference): Promise<RemotePublished> {
 *   return await whenReady(shop.callRemote("getCatalogue"));
 * }
 * ```
 *
 * @param result The result of the call.
 * @returns The object.
 * @throws {TypeError} If the result is not a published object.
 */
export async function whenReady<T extends RemotePublished = RemotePublished>(
  result: unknown,
): Promise<T> {
  const published = await result;
  if (!(published instanceof RemotePublished)) {
    throw new TypeError("Cannot wait for a published object: the result is not one");
  }
  await published.ready;
  return published as T;
}
