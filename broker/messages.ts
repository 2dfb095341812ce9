/**
 * The messages that come from the peer, each to whom it is for (docs/protocol.md, "Messages").
 *
 * @module
 */

import { type BananaReader, LIST, WORD, WORDS } from "../jelly/banana/mod.ts";
import type { Broker } from "./broker.ts";
import { ProtocolError } from "./errors.ts";
import type { Flow } from "./flow.ts";
import type { IncomingCalls } from "./incoming_calls.ts";
import type { LocalTable } from "./local_table.ts";
import { expectItems, readCallHead, readInteger, readObjectId, VERSION } from "./message_parts.ts";
import type { Outbox } from "./outbox.ts";

/** What a broker lends to the messages that come in. */
export interface MessagesParts {
  /** The connection. */
  readonly broker: Broker;
  /** Says what has to wait. */
  readonly flow: Flow;
  /** Takes calls. */
  readonly calls: IncomingCalls;
  /** The objects that may be called. */
  readonly locals: LocalTable;
  /** Where replies go. */
  readonly outbox: Outbox;
  /** Takes answers to our own calls, whose values are to be read next. */
  readonly answered: (id: number | bigint, succeeded: boolean) => void;
}

/** Reads what kind of message has come, and hands it on. */
export class Messages {
  readonly #parts: MessagesParts;
  /** Whether the peer has sent messages that nobody knows: one is worth a word, many are not. */
  #isStrange = false;

  /**
   * Creates a reader of messages.
   *
   * @param parts What the broker lends.
   */
  constructor(parts: MessagesParts) {
    this.#parts = parts;
  }

  /**
   * Takes a message.
   *
   * @param reader Stands before the message.
   * @throws {ProtocolError} If the peer broke the protocol.
   */
  received(reader: BananaReader): void {
    if (reader.next() !== LIST) throw new ProtocolError("Cannot read message: it is no list");
    const items = reader.count - 1;
    const command = items < 0 ? undefined : reader.tag();
    if (command === WORD.answer || command === WORD.error) {
      expectItems("answer", items, 2);
      return this.#parts.answered(readInteger(reader, "answer"), command === WORD.answer);
    }
    if (!this.#parts.flow.putOff()) this.#handle(command, reader, items);
  }

  #handle(command: number | string | undefined, reader: BananaReader, items: number): void {
    const { broker, calls, locals } = this.#parts;
    switch (command) {
      case WORD.message: {
        const head = readCallHead(reader, items);
        return calls.received(head, locals.get(head.target));
      }
      case WORD.cachemessage: {
        const head = readCallHead(reader, items);
        return calls.received(head, broker.caches.held.get(head.target));
      }
      case WORD.decref:
        expectItems("decref", items, 1);
        return broker.notifyAll(locals.decref(readObjectId(reader, "decref")));
      case WORD.decache:
        expectItems("decache", items, 1);
        return broker.caches.cacheables.decache(readObjectId(reader, "decache"));
      case WORD.uncache:
        expectItems("uncache", items, 1);
        return broker.caches.held.uncache(readObjectId(reader, "uncache"));
      case WORD.version:
        expectItems("version", items, 1);
        return checkVersion(readInteger(reader, "version"));
      case WORD.didNotUnderstand:
        return this.#warn("The peer did not understand a message");
      case undefined:
        throw new ProtocolError("Cannot read message: it has no name");
      default:
        return this.#didNotUnderstand(typeof command === "number" ? WORDS[command]! : command);
    }
  }

  #didNotUnderstand(command: string): void {
    if (!this.#isStrange) {
      this.#warn(`Cannot understand message "${command.slice(0, 40)}", nor perhaps others`);
    }
    this.#isStrange = true;
    this.#parts.outbox.send((writer) => {
      writer.list(2);
      writer.word(WORD.didNotUnderstand);
      writer.atom(command);
    });
  }

  #warn(message: string): void {
    this.#parts.broker.settings.log({ level: "warning", message });
  }
}

function checkVersion(version: number | bigint): void {
  if (version === VERSION) return;
  throw new ProtocolError(`Version Incompatibility: ${VERSION} ${version}`);
}
