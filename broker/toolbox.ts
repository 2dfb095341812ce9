/**
 * What reads and writes messages, lent to connections for as long as they need it.
 *
 * @module
 */

import { BananaReader, BananaScanner, BananaWriter, type Dialect } from "../jelly/banana/mod.ts";
import { Jellier, type JellyRegistry, type Taster, Unjellier } from "../jelly/mod.ts";
import { BufferPool } from "./buffer_pool.ts";
import type { BrokerLimits } from "./options.ts";
import { PB_RULES } from "./pb_rules.ts";

/** A writer keeps a buffer up to this size; a larger one goes back to the pool. */
const KEPT_BUFFER = 4096;
/** A reader keeps a buffer in sight up to this size, as the next bytes are likely to be in the same one. */
const KEPT_BYTES = 64 * 1024;
/** So many readers and scanners are kept: few are in use at a time, and each may hold a buffer. */
const MOST_READERS = 64;
/** So many writers are kept: what is said to all connections of a server takes one for each. */
const MOST_WRITERS = 1024;

/** Writes messages. */
export interface WriteTools {
  /** Writes elements. */
  readonly writer: BananaWriter;
  /** Writes values, by means of the writer. */
  readonly jellier: Jellier;
}

/** Reads messages. */
export interface ReadTools {
  /** Reads elements. */
  readonly reader: BananaReader;
  /** Reads values, by means of the reader. */
  readonly unjellier: Unjellier;
}

/** What all tools of a server have in common. */
export interface ToolboxOptions {
  /** Class tags, names, and the caches of how names look. */
  readonly registry: JellyRegistry;
  /** What may arrive. */
  readonly security: Taster;
  /** Limits of each message. */
  readonly limits: BrokerLimits;
}

/**
 * Keeps the tools that no connection of a server needs at the moment.
 *
 * A connection needs them while it handles what has come, or has something to say: the few
 * that do so at a time serve thousands that are quiet, and each of these costs a kilobyte less.
 */
export class Toolbox {
  /** Where writers get their buffers. */
  readonly buffers: BufferPool = new BufferPool();
  readonly #options: ToolboxOptions;
  readonly #scanners: BananaScanner[] = [];
  readonly #readers: ReadTools[] = [];
  readonly #writers: WriteTools[] = [];

  /**
   * Creates an empty box; tools are made as they are asked for.
   *
   * @param options Limits and rules.
   */
  constructor(options: ToolboxOptions) {
    this.#options = options;
  }

  /**
   * Lends a scanner.
   *
   * @param dialect What is spoken, if that is known.
   * @returns One that stands before an expression.
   */
  takeScanner(dialect: Dialect | undefined): BananaScanner {
    const scanner = this.#scanners.pop() ?? new BananaScanner(this.#options.limits);
    scanner.dialect = dialect;
    return scanner;
  }

  /**
   * Takes a scanner back.
   *
   * @param scanner One that stands before an expression.
   */
  giveScanner(scanner: BananaScanner): void {
    if (this.#scanners.length < MOST_READERS) this.#scanners.push(scanner);
  }

  /**
   * Lends what reads.
   *
   * @param invoker The connection.
   * @returns A reader of nothing yet, and its unjellier.
   */
  takeReader(invoker: object): ReadTools {
    const tools = this.#readers.pop() ?? this.#makeReader();
    tools.unjellier.invoker = invoker;
    return tools;
  }

  /**
   * Takes back what reads.
   *
   * @param tools What was lent; not in the middle of a value.
   */
  giveReader(tools: ReadTools): void {
    // Neither a large buffer nor a connection that has ended is to live on in it.
    if (tools.reader.size > KEPT_BYTES) tools.reader.release();
    tools.unjellier.invoker = undefined;
    if (this.#readers.length < MOST_READERS) this.#readers.push(tools);
  }

  /**
   * Lends what writes.
   *
   * @param invoker The connection.
   * @param dialect What is spoken.
   * @param size How many bytes are likely to be written.
   * @param headroom How many bytes of the buffer are to stay free before what is written.
   * @returns A writer with a buffer, and its jellier.
   */
  takeWriter(invoker: object, dialect: Dialect, size: number, headroom: number = 0): WriteTools {
    const tools = this.#writers.pop() ?? this.#makeWriter();
    const { writer } = tools;
    const needed = size + headroom;
    if (writer.capacity < needed || writer.capacity === 0) writer.take(this.buffers.take(needed));
    writer.clear(headroom);
    writer.dialect = dialect;
    tools.jellier.invoker = invoker;
    return tools;
  }

  /**
   * Takes back what writes.
   *
   * @param tools What was lent; what was written is used no more.
   */
  giveWriter(tools: WriteTools): void {
    const { writer, jellier } = tools;
    jellier.invoker = undefined;
    if (writer.capacity > KEPT_BUFFER) this.buffers.give(writer.take());
    if (this.#writers.length < MOST_WRITERS) this.#writers.push(tools);
  }

  #makeReader(): ReadTools {
    const { limits, registry } = this.#options;
    const reader = new BananaReader(registry.names, limits);
    return { reader, unjellier: new Unjellier(reader, { ...this.#options, rules: PB_RULES }) };
  }

  #makeWriter(): WriteTools {
    const { limits, registry } = this.#options;
    const writer = new BananaWriter({ limits, keys: registry.keys });
    return { writer, jellier: new Jellier(writer, this.#options) };
  }
}
