/**
 * Where the jellier writes: bytes or a tree.
 *
 * @module
 */

/** A place in what was written where an element begins; only its own sink knows more. */
export type Mark = number;

/** An element to be wrapped as `reference`, because something later refers to it. */
export interface Wrap {
  /** Where the element begins. */
  readonly mark: Mark;
  /** Number of the reference, as `dereference` names it. */
  readonly id: number;
}

/**
 * Takes the elements of one expression, from the outside in.
 *
 * A list is announced with its length and its items follow, so nothing marks
 * its end. Two sinks exist: `BananaWriter` (bytes) and `TreeSink`
 * (s-expressions); the jellier writes the same calls to both.
 */
export interface Sink {
  /** Where the next element will begin. */
  readonly mark: Mark;
  /** Begins a list of so many items. */
  list(length: number): void;
  /** Begins a list of a known word, by its number in `WORDS`, and so many items behind it. */
  tagged(word: number, items: number): void;
  /** Writes an integer; a number must be a safe integer. */
  integer(value: number | bigint): void;
  /** Writes a float, also one with an integer value. */
  float(value: number): void;
  /** Writes a byte string. */
  bytes(value: Uint8Array): void;
  /** Writes a text as a byte string of UTF-8: a tag, a name, an atom. */
  atom(text: string): void;
  /** Writes a known word, by its number in `WORDS`, as a byte string. */
  word(number: number): void;
  /** Writes a text value: the list of `unicode` and its UTF-8 bytes. */
  text(value: string): void;
  /**
   * Writes the beginning of a dictionary's pair with a text key: a list of
   * two items, and the key as a text value.
   */
  pair(key: string): void;
  /** Wraps elements that were written before as references; called once, at the end. */
  wrap(wraps: Wrap[]): void;
  /** Checks what shows only in the end, as how deep lists are; called where that may be too much. */
  check(): void;
}
