/**
 * What the jellier writes to: bytes or a tree.
 *
 * @module
 */

/** The place where an element begins; only the sink that gave it out knows what it means. */
export type Mark = number;

/** An element to wrap in a `reference`, because something later refers to it. */
export interface Wrap {
  /** Where the element begins. */
  readonly mark: Mark;
  /** Number of the reference, by which a `dereference` names it. */
  readonly id: number;
}

/**
 * Accepts the elements of one expression, from the outside in.
 *
 * A list is announced with its length and its items follow, so nothing marks its end. There are two
 * sinks: `BananaWriter` (bytes) and `TreeSink` (s-expressions); the jellier makes the same calls to
 * both.
 */
export interface Sink {
  /** Where the next element will begin. */
  readonly mark: Mark;
  /** Begins a list of `length` items. */
  list(length: number): void;
  /** Begins a list of a known word, given by its number in `WORDS`, and `items` more items. */
  tagged(word: number, items: number): void;
  /** Writes an integer; a number must be a safe integer. */
  integer(value: number | bigint): void;
  /** Writes a float, even if its value is an integer. */
  float(value: number): void;
  /** Writes a byte string. */
  bytes(value: Uint8Array): void;
  /** Writes a text as a UTF-8 byte string: a tag, a name, an atom. */
  atom(text: string): void;
  /** Writes a known word, by its number in `WORDS`, as a byte string. */
  word(number: number): void;
  /** Writes a text value: the list of `unicode` and its UTF-8 bytes. */
  text(value: string): void;
  /**
   * Writes the beginning of a dictionary pair with a text key: the head of a list of two items, and
   * the key as a text value.
   */
  pair(key: string): void;
  /** Wraps elements, already written, as references; called once, at the end. */
  wrap(wraps: Wrap[]): void;
  /**
   * Checks what is known only at the end, such as depth; called only if a limit may be exceeded.
   */
  check(): void;
}
