/**
 * Passes each message from the peer to the part that handles it (docs/protocol.md, "Messages").
 *
 * @module
 */

import { type BananaReader, LIST, WORD, WORDS } from "../../jelly/banana/mod.ts";
import type { IncomingCall } from "../calls/incoming_call.ts";
import {
  type CallHead,
  expectItems,
  readCallHead,
  readInteger,
  readObjectId,
  VERSION,
  writeNumber,
} from "../calls/message_parts.ts";
import type { PromisedResult } from "../calls/promised_results.ts";
import { unreadArrivals } from "../calls/unread.ts";
import { ProtocolError } from "../errors/errors.ts";
import type { RemoteTarget } from "../flavors/referenceable.ts";
import type { ObjectId } from "../flavors/remote_reference.ts";
import type { Received } from "../link/link.ts";
import { OWN_DIALECT } from "../link/negotiation.ts";
import type { ReadTools } from "../link/toolbox.ts";
import type { Broker } from "./broker.ts";
import type { Connection } from "./connection.ts";
import type { ConnectionHooks } from "./connection_hooks.ts";
import type { Flow } from "./flow.ts";

/** What the reader of messages works with. */
export interface MessagesParts {
  /** The connection, as programs see it. */
  readonly broker: Broker;
  /** The connection, as the rest of this library sees it: what the messages are for. */
  readonly connection: Connection;
  /** Decides what has to wait. */
  readonly flow: Flow;
  /** Handles answers to our own calls. */
  readonly hooks: ConnectionHooks;
}

/** Reads what kind of message has arrived, and passes it on. */
export class Messages {
  readonly #broker: Broker;
  readonly #connection: Connection;
  readonly #flow: Flow;
  readonly #hooks: ConnectionHooks;
  /** Which end did not understand a message of the other: only the first time is logged. */
  #warned: Set<"here" | "there"> | undefined;
  /** Number of cache updates that were put off: later ones wait behind them. */
  #updatesPutOff = 0;

  /**
   * Creates a reader of messages.
   *
   * @param parts What it works with.
   */
  constructor({ broker, connection, flow, hooks }: MessagesParts) {
    this.#broker = broker;
    this.#connection = connection;
    this.#flow = flow;
    this.#hooks = hooks;
  }

  /**
   * Handles a message.
   *
   * @param tools A reader positioned before the message, and its unjellier.
   * @param isBehindAnswer Whether only an answer can be handled.
   * @returns What it was, or `later`.
   * @throws {ProtocolError} If the peer broke the protocol.
   */
  received(tools: ReadTools, isBehindAnswer: boolean): Received {
    const { reader, unjellier } = tools;
    if (reader.next() !== LIST) throw new ProtocolError("Cannot read message: it is not a list");
    const items = reader.count - 1;
    const command = items < 0 ? undefined : reader.tag();
    if (command === WORD.answer || command === WORD.error) {
      expectItems("answer", items, 2);
      const id = readInteger(reader, "answer");
      const isRead = this.#hooks.answered(id, command === WORD.answer, unjellier);
      if (!isRead) this.#giveBackUnread(reader);
      return "answer";
    }
    if (isBehindAnswer) return "later";
    if (command === WORD.cachemessage) this.#update(tools, items);
    else if (this.#flow.putOff()) return "other";
    else if (command === WORD.message) this.#call(tools, items);
    else {
      this.#handle(command, reader, items);
      return "other";
    }
    return this.#connection.incoming.isLatestRunning ? "call" : "other";
  }

  /**
   * Reads the arguments of calls that were put off, since an answer may need what they bring: where
   * order matters, it is the order in which messages were sent. The calls still begin in their
   * turn.
   *
   * @param isEnough Returns whether no more is needed.
   */
  readAhead(isEnough: () => boolean): void {
    const { tools } = this.#broker.settings;
    const own = tools.takeReader(this.#broker);
    this.#flow.readAhead((bytes, start, length) => {
      own.reader.reset(bytes, start);
      return this.#readCall(own, length);
    }, isEnough);
    tools.giveReader(own);
  }

  /**
   * Reads a call or an update; undefined for any other message, including a broken one, which is
   * found in its turn.
   */
  #readCall(tools: ReadTools, length: number): IncomingCall | undefined {
    const { reader } = tools;
    if (reader.next() !== LIST || reader.count === 0) return undefined;
    const items = reader.count - 1;
    const command = reader.tag();
    const isUpdate = command === WORD.cachemessage;
    if (command !== WORD.message && !isUpdate) return undefined;
    try {
      const head = readCallHead(reader, items, !isUpdate && this.#passesOn(items));
      const { held } = this.#connection.caches;
      const find = () => isUpdate ? held.get(head.target) : this.#find(head.target);
      const object = find();
      const begun = () => {
        if (isUpdate) this.#updatesPutOff--;
        // An earlier message may have released the object.
        return find() === object;
      };
      return { ...this.#read(tools, head, object, length), begun };
    } catch {
      return undefined;
    }
  }

  /** Handles a cache update, at once if possible: answers that come after it may depend on it. */
  #update(tools: ReadTools, items: number): void {
    const head = readCallHead(tools.reader, items, false);
    const cache = this.#connection.caches.held.get(head.target);
    if ((cache === undefined || this.#updatesPutOff !== 0) && this.#flow.putOff()) {
      this.#updatesPutOff++;
      return;
    }
    if (this.#updatesPutOff !== 0) this.#updatesPutOff--;
    this.#begin(tools, head, cache);
  }

  #call(tools: ReadTools, items: number): void {
    const head = readCallHead(tools.reader, items, this.#passesOn(items));
    this.#begin(tools, head, this.#find(head.target));
  }

  /** Returns whether a call has a part that says which results are arguments. */
  #passesOn(items: number): boolean {
    return items === 7 && this.#isOwn;
  }

  /** Whether the peer uses this library, too. */
  get #isOwn(): boolean {
    return this.#connection.life.dialect === OWN_DIALECT;
  }

  /** Begins the call in the message that the link is handing over. */
  #begin(
    tools: ReadTools,
    head: CallHead,
    object: RemoteTarget | PromisedResult | undefined,
  ): void {
    const { incoming, link } = this.#connection;
    incoming.begin(this.#read(tools, head, object, link.expressionBytes));
  }

  /** Reads the arguments of a call. */
  #read(
    tools: ReadTools,
    head: CallHead,
    object: RemoteTarget | PromisedResult | undefined,
    length: number,
  ): IncomingCall {
    const call = this.#connection.incoming.read(head, object, tools, length);
    if (call.args === undefined) this.#giveBackUnread(tools.reader);
    return call;
  }

  /** Gives back what the peer has counted of a message that could not be read. */
  #giveBackUnread(reader: BananaReader): void {
    if (this.#broker.isClosed) return;
    const { outbox } = this.#connection;
    for (const { kind, luid } of unreadArrivals(reader, this.#broker.settings.registry)) {
      if (kind === "firstCopy") this.#connection.caches.held.lost(luid);
      else {
        const word = kind === "reference" ? WORD.decref : WORD.decache;
        outbox.reply((writer) => writeNumber(writer, word, luid));
      }
    }
  }

  /** Finds what a call is for: an object of ours, or the result of an earlier call. */
  #find(target: ObjectId): RemoteTarget | PromisedResult | undefined {
    return this.#connection.locals.get(target) ?? this.#connection.incoming.promised?.get(target);
  }

  #handle(command: number | string | undefined, reader: BananaReader, items: number): void {
    switch (command) {
      case WORD.decref:
        expectItems("decref", items, 1);
        return this.#decref(readObjectId(reader, "decref"));
      case WORD.decache:
        expectItems("decache", items, 1);
        return this.#connection.caches.cacheables.decache(readObjectId(reader, "decache"));
      case WORD.uncache:
        expectItems("uncache", items, 1);
        return this.#connection.caches.held.uncache(readObjectId(reader, "uncache"));
      case WORD.version:
        expectItems("version", items, 1);
        return checkVersion(readInteger(reader, "version"));
      case WORD.didNotUnderstand:
        return this.#warnOnce("there", "The peer did not understand a message, nor perhaps others");
      case undefined:
        throw new ProtocolError("Cannot read message: it has no name");
      default:
        return this.#didNotUnderstand(typeof command === "number" ? WORDS[command]! : command);
    }
  }

  #decref(id: ObjectId): void {
    const { incoming, locals } = this.#connection;
    // A result that the peer does not call any more: of a call that failed, there may be none.
    if (typeof id === "number" && id < 0 && this.#isOwn) {
      return incoming.promised?.delete(id);
    }
    this.#connection.notifyAll(locals.decref(id));
  }

  #didNotUnderstand(command: string): void {
    const name = command.slice(0, 40).toWellFormed();
    this.#warnOnce("here", `Cannot understand message "${name}", nor perhaps others`);
    this.#connection.outbox.reply((writer) => {
      writer.list(2);
      writer.word(WORD.didNotUnderstand);
      writer.atom(name);
    });
  }

  #warnOnce(end: "here" | "there", message: string): void {
    const warned = this.#warned ??= new Set();
    if (warned.has(end)) return;
    warned.add(end);
    this.#broker.log({ event: "notUnderstood", level: "warning", message });
  }
}

function checkVersion(version: number | bigint): void {
  if (version === VERSION) return;
  throw new ProtocolError(`Version Incompatibility: ${VERSION} ${version}`);
}
