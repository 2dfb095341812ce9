/**
 * Reading and writing the parts of messages (docs/protocol.md, "Messages").
 *
 * @module
 */

import {
  type BananaReader,
  type BananaWriter,
  FLOAT,
  LIST,
  STRING,
  VOCAB,
  WORD,
} from "../../jelly/banana/mod.ts";
import type { Jellier } from "../../jelly/mod.ts";
import { ProtocolError } from "../errors/errors.ts";
import type { CallArgs } from "../flavors/kwargs.ts";
import type { ObjectId } from "../flavors/remote_reference.ts";

/** Version of the protocol, which must be the same at both ends. */
export const VERSION = 6;

/** The parts of a call before its arguments. */
export interface CallHead {
  /** Request number, which the answer repeats. */
  readonly id: number | bigint;
  /** The object that is called. */
  readonly target: ObjectId;
  /** Name of the method. */
  readonly method: string;
  /** Whether the caller waits for an answer. */
  readonly answer: Answer;
  /** Whether results of earlier calls take the place of arguments. */
  readonly passesOn: boolean;
}

/** A result of an earlier call, which is passed on as an argument before it has arrived. */
export interface PassedOn {
  /** Where it belongs: the position of a positional argument, or the name of another one. */
  readonly place: ObjectId;
  /** Number of the request that it is the result of. */
  readonly request: number;
}

/** Arguments that can be sent. */
export interface ReadyArgs extends Pick<CallArgs, "positional" | "keywords"> {
  /** Results that the peer is to put in the place of arguments, if there are any. */
  readonly passedOn?: readonly PassedOn[];
}

/**
 * Whether a caller waits for an answer, as on the wire: 0 for no, and any other number for yes. 2
 * also says that it may call the result before it has arrived, if both ends use this library.
 */
export type Answer = 0 | 1 | 2;

/** The answer to a call that is called itself before it has arrived. */
export const KEPT: Answer = 2;

/**
 * Reads a call up to its arguments.
 *
 * @param reader A reader positioned after the name of the message.
 * @param items Number of parts that follow.
 * @param passesOn Whether the last of them says which results of earlier calls are arguments.
 * @returns The parts before the arguments.
 * @throws {ProtocolError} If they do not form a call.
 */
export function readCallHead(reader: BananaReader, items: number, passesOn: boolean): CallHead {
  expectItems("call", passesOn ? items - 1 : items, 6);
  const id = readInteger(reader, "call");
  const target = readObjectId(reader, "call");
  const type = reader.next();
  if (type !== STRING && type !== VOCAB) {
    throw new ProtocolError("Cannot read call: the name of the method is not a byte string");
  }
  return { id, target, method: reader.name(), answer: readAnswer(reader), passesOn };
}

function readAnswer(reader: BananaReader): Answer {
  const answer = readInteger(reader, "call");
  return answer === 0 || answer === KEPT ? answer : 1;
}

/**
 * Writes a call.
 *
 * @param writer The writer to use.
 * @param jellier Writes the arguments.
 * @param word The name of the message: `message` or `cachemessage`.
 * @param head The parts before the arguments.
 * @param args The arguments.
 */
export function writeCall(
  writer: BananaWriter,
  jellier: Jellier,
  word: number,
  { id, target, method, answer }: Omit<CallHead, "passesOn">,
  { positional, keywords, passedOn }: ReadyArgs,
): void {
  writer.list(passedOn === undefined ? 7 : 8);
  writer.word(word);
  writer.integer(id);
  writeObjectId(writer, target);
  writer.atom(method);
  writer.integer(answer);
  jellier.writeTuple(positional, "args");
  if (keywords !== undefined) jellier.write(keywords, "kwargs");
  else {
    writer.list(1);
    writer.word(WORD.dictionary);
  }
  if (passedOn !== undefined) writePassedOn(writer, passedOn);
}

function writePassedOn(writer: BananaWriter, passedOn: readonly PassedOn[]): void {
  writer.list(passedOn.length);
  for (const { place, request } of passedOn) {
    writer.list(2);
    writeObjectId(writer, place);
    writer.integer(request);
  }
}

function writeObjectId(writer: BananaWriter, id: ObjectId): void {
  if (typeof id === "number") writer.integer(id);
  else writer.atom(id);
}

/**
 * Reads which results of earlier calls are arguments.
 *
 * @param reader A reader positioned behind the arguments.
 * @returns The results, and where they belong.
 * @throws {ProtocolError} If it is something else.
 */
export function readPassedOn(reader: BananaReader): PassedOn[] {
  const passedOn: PassedOn[] = [];
  for (let left = listLength(reader); left !== 0; left--) {
    expectItems("argument", listLength(reader), 2);
    const place = readObjectId(reader, "call");
    passedOn.push({ place, request: Number(readInteger(reader, "call")) });
  }
  return passedOn;
}

function listLength(reader: BananaReader): number {
  if (reader.next() === LIST) return reader.count;
  throw new ProtocolError("Cannot read call: a part of it is not a list");
}

/**
 * Reads a value that may be a reference to an object of the end that has sent it.
 *
 * @param reader A reader positioned before it.
 * @returns The number of the object, or undefined if it is another value.
 */
export function readReference(reader: BananaReader): number | undefined {
  if (reader.next() !== LIST || reader.count !== 2 || reader.tag() !== WORD.remote) {
    return undefined;
  }
  const luid = readInteger(reader, "reference");
  return typeof luid === "number" ? luid : undefined;
}

/**
 * Returns whether a value can be passed on before it has arrived, if it is no reference.
 *
 * @param reader A reader positioned before it.
 * @returns True if it is a number, a text, a boolean or None.
 */
export function isPlainValue(reader: BananaReader): boolean {
  const type = reader.next();
  if (type !== LIST) return type !== STRING && type !== VOCAB;
  const tag = reader.count === 0 ? undefined : reader.tag();
  return tag === WORD.unicode || tag === WORD.boolean || tag === WORD.None;
}

/**
 * Writes a message that consists of a word and a number.
 *
 * @param writer The writer to use.
 * @param word The name of the message.
 * @param number The number.
 */
export function writeNumber(writer: BananaWriter, word: number, number: number): void {
  writer.list(2);
  writer.word(word);
  writer.integer(number);
}

/**
 * Checks how many parts a message has.
 *
 * @param what Name of the message.
 * @param items Number of parts that follow its name.
 * @param expected Number of parts that there should be.
 * @throws {ProtocolError} If there are more or fewer.
 */
export function expectItems(what: string, items: number, expected: number): void {
  if (items === expected) return;
  throw new ProtocolError(`Cannot read ${what}: it has ${items} parts, not ${expected}`);
}

/**
 * Reads an integer.
 *
 * @param reader A reader positioned before it.
 * @param what Name of the message.
 * @returns The integer.
 * @throws {ProtocolError} If it is something else.
 */
export function readInteger(reader: BananaReader, what: string): number | bigint {
  switch (reader.next()) {
    case LIST:
    case STRING:
    case VOCAB:
    case FLOAT:
      throw new ProtocolError(`Cannot read ${what}: a part of it is not an integer`);
    default:
      return reader.integer();
  }
}

/**
 * Reads the number or name of an object.
 *
 * @param reader A reader positioned before it.
 * @param what Name of the message.
 * @returns The number or name.
 * @throws {ProtocolError} If it is something else.
 */
export function readObjectId(reader: BananaReader, what: string): ObjectId {
  switch (reader.next()) {
    case STRING:
    case VOCAB:
      return reader.name();
    case LIST:
    case FLOAT:
      throw new ProtocolError(`Cannot read ${what}: it names no object`);
    default:
      return Number(reader.integer());
  }
}
