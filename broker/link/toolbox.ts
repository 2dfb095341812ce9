/**
 * The tools that read and write messages, lent to connections for as long as they need them.
 *
 * @module
 */

import { BananaReader, BananaScanner, BananaWriter, type Dialect } from "../../jelly/banana/mod.ts";
import {
  Jellier,
  type JellyRegistry,
  type Taster,
  Unjellier,
  type UnjellyRule,
} from "../../jelly/mod.ts";
import { BufferPool } from "./buffer_pool.ts";
import type { BrokerLimits } from "./limits.ts";

/**
 * Maximum size in bytes of a buffer that an unused writer keeps; a larger one goes back to the
 * pool.
 */
const KEPT_BUFFER = 4096;
/**
 * Maximum size in bytes of a buffer that an unused reader keeps a view of, since the next bytes are
 * likely to be in the same one.
 */
const KEPT_BYTES = 64 * 1024;
/**
 * Maximum number of unused readers, and of unused scanners: few are in use at a time, and each may
 * hold a buffer.
 */
const MOST_READERS = 64;
/** Maximum number of unused writers: sending to all connections of a server takes one for each. */
const MOST_WRITERS = 1024;

/** Writes messages. */
export interface WriteTools {
  /** Writes elements. */
  readonly writer: BananaWriter;
  /** Writes values, using the writer. */
  readonly jellier: Jellier;
}

/** Reads messages. */
export interface ReadTools {
  /** Reads elements. */
  readonly reader: BananaReader;
  /** Reads values, using the reader. */
  readonly unjellier: Unjellier;
}

/** What all tools of a server share. */
export interface ToolboxOptions {
  /** Class tags, names, and the caches of encoded names. */
  readonly registry: JellyRegistry;
  /** What may arrive. */
  readonly security: Taster;
  /** Rules for tags, in addition to those of the registry. */
  readonly rules: ReadonlyMap<string, UnjellyRule>;
  /** Limits of each message. */
  readonly limits: BrokerLimits;
}

/**
 * Keeps the tools that no connection of a server currently needs.
 *
 * A connection needs them while it handles input or has something to send: the few that do so at a
 * time serve thousands of quiet connections, each of which takes a kilobyte less.
 */
export class Toolbox {
  /** The pool that writers get their buffers from. */
  readonly buffers: BufferPool = new BufferPool();
  readonly #options: ToolboxOptions;
  readonly #scanners: BananaScanner[] = [];
  readonly #readers: ReadTools[] = [];
  readonly #writers: WriteTools[] = [];

  /**
   * Creates an empty box; tools are created on demand.
   *
   * @param options Limits and rules.
   */
  constructor(options: ToolboxOptions) {
    this.#options = options;
  }

  /**
   * Lends a scanner.
   *
   * @param dialect The dialect, if known.
   * @returns A scanner positioned before an expression.
   */
  takeScanner(dialect: Dialect | undefined): BananaScanner {
    const scanner = this.#scanners.pop() ?? new BananaScanner(this.#options.limits);
    scanner.dialect = dialect;
    return scanner;
  }

  /**
   * Takes a scanner back.
   *
   * @param scanner A scanner positioned before an expression.
   */
  giveScanner(scanner: BananaScanner): void {
    if (this.#scanners.length < MOST_READERS) this.#scanners.push(scanner);
  }

  /**
   * Lends tools for reading.
   *
   * @param invoker The connection.
   * @returns A reader without bytes, and its unjellier.
   */
  takeReader(invoker: object): ReadTools {
    const tools = this.#readers.pop() ?? this.#makeReader();
    tools.unjellier.invoker = invoker;
    return tools;
  }

  /**
   * Takes back tools for reading.
   *
   * @param tools The tools; they must not be in the middle of a value.
   */
  giveReader(tools: ReadTools): void {
    // They must not keep a large buffer, or a connection that has ended, alive.
    if (tools.reader.size > KEPT_BYTES) tools.reader.release();
    tools.unjellier.invoker = undefined;
    if (this.#readers.length < MOST_READERS) this.#readers.push(tools);
  }

  /**
   * Lends tools for writing.
   *
   * @param invoker The connection.
   * @param dialect The dialect.
   * @param size Number of bytes that are likely to be written.
   * @param headroom Number of bytes to leave free in the buffer before what is written.
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
   * Takes back tools for writing.
   *
   * @param tools The tools; what they have written must not be used any more.
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
    return { reader, unjellier: new Unjellier(reader, this.#options) };
  }

  #makeWriter(): WriteTools {
    const { limits, registry } = this.#options;
    const writer = new BananaWriter({ limits, keys: registry.keys });
    return { writer, jellier: new Jellier(writer, this.#options) };
  }
}
