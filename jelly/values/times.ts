/**
 * Dates, times and durations: between `Temporal` objects and the text fields that Twisted sends.
 *
 * Each is one string of decimal integers, like the arguments of its Python constructor:
 *
 * | kind        | fields                                               | what it is here          |
 * | ----------- | ---------------------------------------------------- | ------------------------ |
 * | `datetime`  | year month day [hour [minute [second [microsecond]]]] | `Temporal.PlainDateTime` |
 * | `date`      | year month day                                       | `Temporal.PlainDate`     |
 * | `time`      | [hour [minute [second [microsecond]]]]               | `Temporal.PlainTime`     |
 * | `timedelta` | days seconds microseconds                            | `Temporal.Duration`      |
 *
 * Twisted writes all fields, separated by single spaces. This module reads whatever Python's
 * `map(int, text.split())` and the constructor accept: any ASCII white space between and around
 * fields, a sign, leading zeros, fewer fields where the table has brackets. Unlike Python, it does
 * not read underscores between digits, or fields that are not safe integers.
 *
 * Nothing here needs `Temporal` until a time is read, so a runtime without it can do everything
 * else.
 *
 * @module
 */

/** The tags of the four kinds of time. */
export type TimeKind = "datetime" | "date" | "time" | "timedelta";

/** What a received time becomes. */
export type TimeValue =
  | Temporal.PlainDateTime
  | Temporal.PlainDate
  | Temporal.PlainTime
  | Temporal.Duration;

/** A time as it is sent. */
export interface WrittenTime {
  /** The tag of the list. */
  readonly kind: TimeKind;
  /** The fields, separated by single spaces. */
  readonly text: string;
}

/** Maximum length of a time: enough for any of Python's, even with generous zeros and spaces. */
const MAX_TEXT = 128;
const FIELD_COUNTS: Readonly<Record<TimeKind, readonly [least: number, most: number]>> = {
  datetime: [3, 7],
  date: [3, 3],
  time: [0, 4],
  timedelta: [3, 3],
};

const MIN_YEAR = 1;
const MAX_YEAR = 9999;
const MAX_DAYS = 999_999_999n;
const SECOND = 1_000_000n;
const DAY = 86_400n * SECOND;

/**
 * Reads a time that a peer sent.
 *
 * A `timedelta` may have fields of different signs, as Python's negative ones do; they are added
 * up, and the days, seconds and microseconds of the duration all have the same sign.
 *
 * @param kind The tag of the list.
 * @param text The fields.
 * @returns The `Temporal` object of that kind.
 * @throws {RangeError} If the text contains anything but integers, or too few or too many of them,
 * or Python has no such time: years are 1 to 9999, and a timedelta has at most 999999999 days.
 * @throws {TypeError} If this runtime has no `Temporal`.
 */
export function readTime(kind: TimeKind, text: string): TimeValue {
  if (typeof Temporal === "undefined") {
    throw new TypeError(`Cannot read a ${kind}: this runtime has no Temporal`);
  }
  const fields = readFields(kind, text);
  if (kind === "timedelta") return readTimedelta(fields, text);
  if (kind === "time") return inRange(kind, text, () => readClock(fields));
  const [year = 0, month, day, ...clock] = fields;
  if (year < MIN_YEAR || year > MAX_YEAR) {
    throw new RangeError(
      `Cannot read a ${kind} "${text}": the year is not from ${MIN_YEAR} to ${MAX_YEAR}`,
    );
  }
  return inRange(kind, text, () => {
    const date = new Temporal.PlainDate(year, month!, day!);
    return kind === "date" ? date : date.toPlainDateTime(readClock(clock));
  });
}

/** Splits the text into safe integers, as many as the kind may have. */
function readFields(kind: TimeKind, text: string): number[] {
  if (text.length > MAX_TEXT) {
    throw new RangeError(`Cannot read a ${kind}: it is longer than ${MAX_TEXT} characters`);
  }
  const fields = text.match(/[^ \t\n\v\f\r]+/g) ?? [];
  const [least, most] = FIELD_COUNTS[kind];
  if (fields.length < least || fields.length > most) {
    const expected = least === most ? `${least}` : `${least} to ${most}`;
    throw new RangeError(
      `Cannot read a ${kind} "${text}": it has ${fields.length} fields, not ${expected}`,
    );
  }
  return fields.map((field) => {
    const value = /^[+-]?[0-9]+$/.test(field) ? Number(field) : NaN;
    if (Number.isSafeInteger(value)) return value;
    throw new RangeError(`Cannot read a ${kind} "${text}": field "${field}" is not a safe integer`);
  });
}

function readClock(fields: readonly number[]): Temporal.PlainTime {
  const [hour = 0, minute = 0, second = 0, micros = 0] = fields;
  const millis = Math.floor(micros / 1000);
  return new Temporal.PlainTime(hour, minute, second, millis, micros - millis * 1000);
}

function readTimedelta(fields: readonly number[], text: string): Temporal.Duration {
  const [days = 0, seconds = 0, micros = 0] = fields;
  const total = BigInt(days) * DAY + BigInt(seconds) * SECOND + BigInt(micros);
  const [wholeDays] = floorDivide(total, DAY);
  if (wholeDays < -MAX_DAYS || wholeDays > MAX_DAYS) {
    throw new RangeError(`Cannot read a timedelta "${text}": it is over ${MAX_DAYS} days`);
  }
  return Temporal.Duration.from({
    days: Number(total / DAY),
    seconds: Number(total % DAY / SECOND),
    microseconds: Number(total % SECOND),
  });
}

/** Adds what Temporal's own error lacks: the text that it is about. */
function inRange<T>(kind: TimeKind, text: string, make: () => T): T {
  try {
    return make();
  } catch (cause) {
    throw new RangeError(`Cannot read a ${kind} "${text}": there is no such ${kind}`, { cause });
  }
}

/**
 * Writes a time in the form that Python reads.
 *
 * A `Date` is sent as a datetime in UTC. Dates of another calendar are sent as the ISO date of the
 * same day.
 *
 * @param value Any value.
 * @returns The kind of time and its text, or `undefined` if the value is not a time.
 * @throws {RangeError} If the value is finer than a microsecond, outside Python's range, an invalid
 * `Date`, or a duration with months or years, which have no fixed length.
 * @throws {TypeError} If it is an `Instant` or a `ZonedDateTime`: Twisted has no time zones.
 */
export function writeTime(value: unknown): WrittenTime | undefined {
  if (value instanceof Date) return writeDate(value);
  if (typeof Temporal === "undefined") return undefined;
  if (value instanceof Temporal.PlainDateTime) {
    const text = [...dateFields("datetime", value), ...clockFields("datetime", value)].join(" ");
    return { kind: "datetime", text };
  }
  if (value instanceof Temporal.PlainDate) {
    return { kind: "date", text: dateFields("date", value).join(" ") };
  }
  if (value instanceof Temporal.PlainTime) {
    return { kind: "time", text: clockFields("time", value).join(" ") };
  }
  if (value instanceof Temporal.Duration) return writeDuration(value);
  if (value instanceof Temporal.ZonedDateTime) {
    throw new TypeError(
      `Cannot send a ZonedDateTime "${value}": Twisted has no time zones; ` +
        `send its toPlainDateTime()`,
    );
  }
  if (value instanceof Temporal.Instant) {
    throw new TypeError(
      `Cannot send an Instant "${value}": Twisted has no time zones; ` +
        `send its toZonedDateTimeISO("UTC").toPlainDateTime()`,
    );
  }
  return undefined;
}

function writeDate(value: Date): WrittenTime {
  const year = value.getUTCFullYear();
  if (Number.isNaN(year)) throw new RangeError("Cannot send a Date: it is invalid");
  checkYear("datetime", year, value.toISOString());
  const fields = [
    year,
    value.getUTCMonth() + 1,
    value.getUTCDate(),
    value.getUTCHours(),
    value.getUTCMinutes(),
    value.getUTCSeconds(),
    value.getUTCMilliseconds() * 1000,
  ];
  return { kind: "datetime", text: fields.join(" ") };
}

function writeDuration(value: Temporal.Duration): WrittenTime {
  if (value.years !== 0 || value.months !== 0) {
    throw new RangeError(
      `Cannot send a timedelta "${value}": years and months have no fixed length; ` +
        `convert them to days with round(), largestUnit and relativeTo`,
    );
  }
  const hours = (BigInt(value.weeks) * 7n + BigInt(value.days)) * 24n + BigInt(value.hours);
  const seconds = (hours * 60n + BigInt(value.minutes)) * 60n + BigInt(value.seconds);
  const nanos = BigInt(value.milliseconds) * 1_000_000n +
    BigInt(value.microseconds) * 1000n + BigInt(value.nanoseconds);
  if (nanos % 1000n !== 0n) throw finerThanMicrosecond("timedelta", value);
  const [days, rest] = floorDivide(seconds * SECOND + nanos / 1000n, DAY);
  if (days < -MAX_DAYS || days > MAX_DAYS) {
    throw new RangeError(`Cannot send a timedelta "${value}": it is over ${MAX_DAYS} days`);
  }
  return { kind: "timedelta", text: `${days} ${rest / SECOND} ${rest % SECOND}` };
}

function dateFields(
  kind: TimeKind,
  value: Temporal.PlainDate | Temporal.PlainDateTime,
): number[] {
  const { year, month, day } = value.withCalendar("iso8601");
  checkYear(kind, year, String(value));
  return [year, month, day];
}

function clockFields(
  kind: TimeKind,
  value: Temporal.PlainTime | Temporal.PlainDateTime,
): number[] {
  const { hour, minute, second, millisecond, microsecond, nanosecond } = value;
  if (nanosecond !== 0) throw finerThanMicrosecond(kind, value);
  return [hour, minute, second, millisecond * 1000 + microsecond];
}

function checkYear(kind: TimeKind, year: number, text: string): void {
  if (year >= MIN_YEAR && year <= MAX_YEAR) return;
  throw new RangeError(
    `Cannot send a ${kind} "${text}": the year is not from ${MIN_YEAR} to ${MAX_YEAR}`,
  );
}

function finerThanMicrosecond(kind: TimeKind, value: TimeValue): RangeError {
  return new RangeError(
    `Cannot send a ${kind} "${value}": it is finer than a microsecond; ` +
      `use its round({ smallestUnit: "microsecond" })`,
  );
}

/** Divides as Python does: the quotient is rounded down, the remainder is never negative. */
function floorDivide(value: bigint, divisor: bigint): [quotient: bigint, remainder: bigint] {
  const quotient = value / divisor - (value % divisor < 0n ? 1n : 0n);
  return [quotient, value - quotient * divisor];
}
