/**
 * Converts values to bytes and back, in a single pass each way.
 *
 * @module
 */

import { BananaError } from "./banana/errors.ts";
import { bananaLimits } from "./banana/limits.ts";
import { BananaReader } from "./banana/reader.ts";
import { BananaScanner } from "./banana/scanner.ts";
import type { Dialect } from "./banana/tokens.ts";
import { BananaWriter } from "./banana/writer.ts";
import { Jellier } from "./jellier.ts";
import type { JellyOptions, UnjellyOptions } from "./jelly.ts";
import { explained } from "./path.ts";
import { globalRegistry } from "./registry.ts";
import { Unjellier } from "./unjellier.ts";

/** Options of {@linkcode encodeValue}. */
export interface EncodeValueOptions extends JellyOptions {
  /** The dialect of banana. Defaults to `pb`. */
  dialect?: Dialect;
}

/** Options of {@linkcode decodeValue}. */
export interface DecodeValueOptions extends UnjellyOptions {
  /** The dialect of banana. Defaults to `pb`. */
  dialect?: Dialect;
}

/** Encodes and decodes any number of values with the same rules. */
export interface ValueCodec {
  /**
   * Encodes a value.
   *
   * @param value The value.
   * @returns Its bytes.
   * @throws {JellyError} If any part of the value cannot be sent.
   */
  encode(value: unknown): Uint8Array;
  /**
   * Decodes a value.
   *
   * @param bytes One whole expression.
   * @returns The value.
   * @throws {BananaError} If the bytes are not one whole expression.
   * @throws {JellyError} If the expression is not a value.
   */
  decode(bytes: Uint8Array): unknown;
}

/**
 * Creates a codec that converts many values with the same rules, as a connection does.
 *
 * @example
 * ```ts
 * import { valueCodec } from "@perspective/broker/jelly";
 * import { assertEquals } from "@std/assert";
 *
 * const codec = valueCodec();
 * assertEquals(codec.decode(codec.encode({ id: 1, name: "Ada" })), { id: 1, name: "Ada" });
 * ```
 *
 * @param options Dialect, rules and limits.
 * @returns The codec.
 */
export function valueCodec(options: EncodeValueOptions & DecodeValueOptions = {}): ValueCodec {
  return { encode: encoder(options), decode: decoder(options) };
}

function encoder(options: EncodeValueOptions): ValueCodec["encode"] {
  const { dialect = "pb", registry = globalRegistry } = options;
  const limits = bananaLimits(options.limits);
  const writer = new BananaWriter({ dialect, limits, keys: registry.keys });
  const jellier = new Jellier(writer, { ...options, limits });
  let isBusy = false;
  return function encode(value: unknown): Uint8Array {
    // The program's own code that is called along the way may encode too, with a writer of its own.
    if (isBusy) return encodeValue(value, options);
    isBusy = true;
    writer.begin();
    try {
      jellier.write(value);
      writer.end();
      return writer.copy();
    } catch (error) {
      // Errors found only at the end of the message have not been explained yet.
      throw error instanceof BananaError ? explained(error, "value", value) : error;
    } finally {
      writer.cancel();
      isBusy = false;
    }
  };
}

function decoder(options: DecodeValueOptions): ValueCodec["decode"] {
  const { dialect = "pb", registry = globalRegistry } = options;
  const limits = bananaLimits(options.limits);
  const scanner = new BananaScanner(limits);
  scanner.dialect = dialect;
  const reader = new BananaReader(registry.names, limits);
  const unjellier = new Unjellier(reader, options);
  let isBusy = false;
  return function decode(bytes: Uint8Array): unknown {
    // The program's own code that is called along the way may decode too, with a reader of its own.
    if (isBusy) return decodeValue(bytes, options);
    const end = scanner.scan(bytes, 0, bytes.length);
    scanner.reset();
    if (end !== bytes.length) {
      const fact = end === -1 ? "the bytes end too early" : "more bytes follow";
      throw new BananaError(`Cannot read value: ${fact}`);
    }
    isBusy = true;
    reader.reset(bytes, 0);
    try {
      return unjellier.read();
    } finally {
      reader.release();
      isBusy = false;
    }
  };
}

/**
 * Encodes a value: jelly and banana in one pass.
 *
 * @example
 * ```ts
 * import { encodeValue } from "@perspective/broker/jelly";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(encodeValue(null), Uint8Array.of(1, 0x80, 1, 0x87));
 * ```
 *
 * @param value The value.
 * @param options Dialect, rules and limits.
 * @returns The bytes.
 * @throws {JellyError} If any part of the value cannot be sent; the error's path says which.
 */
export function encodeValue(value: unknown, options: EncodeValueOptions = {}): Uint8Array {
  return encoder(options)(value);
}

/**
 * Decodes a value: banana and jelly in one pass.
 *
 * @example
 * ```ts
 * import { decodeValue } from "@perspective/broker/jelly";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(decodeValue(Uint8Array.of(1, 0x80, 1, 0x87)), null);
 * ```
 *
 * @param bytes One whole expression.
 * @param options Dialect, rules and limits.
 * @returns The value.
 * @throws {BananaError} If the bytes are not one whole expression, or exceed a limit.
 * @throws {JellyError} If the expression is not a value.
 */
export function decodeValue(bytes: Uint8Array, options: DecodeValueOptions = {}): unknown {
  return decoder(options)(bytes);
}
