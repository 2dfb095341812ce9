import { assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { readTime, type TimeKind, writeTime } from "../../../jelly/values/times.ts";

// Recorded from CPython 3.11 and Twisted 22.4: print(jelly.jelly(value)), for example of
// datetime.datetime(9999, 12, 31, 23, 59, 59, 999999), datetime.timedelta.min and .max
const SENT: readonly [kind: TimeKind, text: string, value: string][] = [
  ["datetime", "1 1 1 0 0 0 0", "0001-01-01T00:00:00"],
  ["datetime", "9999 12 31 23 59 59 999999", "9999-12-31T23:59:59.999999"],
  ["datetime", "2024 2 29 12 30 5 7", "2024-02-29T12:30:05.000007"],
  ["date", "1 1 1", "0001-01-01"],
  ["date", "9999 12 31", "9999-12-31"],
  ["time", "0 0 0 0", "00:00:00"],
  ["time", "23 59 59 999999", "23:59:59.999999"],
  ["time", "1 2 3 4000", "01:02:03.004"],
  ["timedelta", "0 0 0", "PT0S"],
  ["timedelta", "-999999999 0 0", "-P999999999D"],
  ["timedelta", "999999999 86399 999999", "P999999999DT86399.999999S"],
  ["timedelta", "-1 86399 999999", "-PT0.000001S"],
  ["timedelta", "-1 1 0", "-PT86399S"],
  ["timedelta", "1 1 1", "P1DT1.000001S"],
  ["timedelta", "-2 43200 0", "-P1DT43200S"],
  ["timedelta", "0 1 500000", "PT1.5S"],
  ["timedelta", "7 0 0", "P7D"],
];

// Recorded: print(jelly.unjelly([kind, text]))
const ALSO_READ: readonly [kind: TimeKind, text: string, value: string][] = [
  ["datetime", "2024 2 29", "2024-02-29T00:00:00"],
  ["datetime", "2024 2 29 1", "2024-02-29T01:00:00"],
  ["datetime", "2024 2 29 1 2 3", "2024-02-29T01:02:03"],
  ["datetime", " 2024\t02\n+29 ", "2024-02-29T00:00:00"],
  ["datetime", "2024\v1\f1\r", "2024-01-01T00:00:00"],
  ["time", "", "00:00:00"],
  ["time", "1", "01:00:00"],
  ["time", "1 2", "01:02:00"],
  ["time", "1 2 3", "01:02:03"],
  ["time", "00 00 00 000001", "00:00:00.000001"],
  ["timedelta", "0 -1 0", "-PT1S"],
  ["timedelta", "1 -1 -1", "PT86398.999999S"],
  ["timedelta", "0 86400 0", "P1D"],
  ["timedelta", "0 0 86400000001", "P1DT0.000001S"],
  ["timedelta", "-1000000000 86400 0", "-P999999999D"],
  ["timedelta", "1000000000 -1 0", "P999999999DT86399S"],
];

const REFUSED: readonly [kind: TimeKind, text: string, fact: string][] = [
  ["datetime", "", "it has 0 fields, not 3 to 7"],
  ["datetime", "2024 2", "it has 2 fields, not 3 to 7"],
  ["datetime", "2024 2 29 1 2 3 4 5", "it has 8 fields, not 3 to 7"],
  ["datetime", "0 1 1", "the year is not from 1 to 9999"],
  ["datetime", "-1 1 1", "the year is not from 1 to 9999"],
  ["datetime", "10000 1 1", "the year is not from 1 to 9999"],
  ["datetime", "2023 2 29", "there is no such datetime"],
  ["datetime", "2024 13 1", "there is no such datetime"],
  ["datetime", "2024 0 1", "there is no such datetime"],
  ["datetime", "2024 1 1 24", "there is no such datetime"],
  ["datetime", "2024 1 1 0 60", "there is no such datetime"],
  ["datetime", "2024 1 1 0 0 60", "there is no such datetime"],
  ["datetime", "2024 1 1 0 0 0 1000000", "there is no such datetime"],
  ["datetime", "2024 1 1 0 0 0 -1", "there is no such datetime"],
  ["datetime", "2024 1 1.0", `field "1.0" is not a safe integer`],
  ["datetime", "2024 1 x", `field "x" is not a safe integer`],
  ["datetime", "2024 1 1e0", `field "1e0" is not a safe integer`],
  ["datetime", "0x7e8 1 1", `field "0x7e8" is not a safe integer`],
  ["datetime", "2024 1 +-1", `field "+-1" is not a safe integer`],
  ["datetime", "2024,1,1", "it has 1 fields"],
  ["datetime", "2024\u00a01 1", "it has 2 fields"],
  ["datetime", "\u0662 1 1", `field "\u0662" is not a safe integer`],
  ["datetime", "99999999999999999999 1 1", `field "99999999999999999999" is not a safe integer`],
  ["date", "", "it has 0 fields, not 3"],
  ["date", "2024 2", "it has 2 fields, not 3"],
  ["date", "2024 2 29 0", "it has 4 fields, not 3"],
  ["date", "2023 2 29", "there is no such date"],
  ["time", "1 2 3 4 5", "it has 5 fields, not 0 to 4"],
  ["time", "24", "there is no such time"],
  ["time", "-1", "there is no such time"],
  ["time", "0 60", "there is no such time"],
  ["timedelta", "", "it has 0 fields, not 3"],
  ["timedelta", "0 0", "it has 2 fields, not 3"],
  ["timedelta", "0 0 0 0", "it has 4 fields, not 3"],
  ["timedelta", "999999999 86400 0", "it is over 999999999 days"],
  ["timedelta", "-999999999 0 -1", "it is over 999999999 days"],
  // Python accepts these two, but nothing sends them.
  ["datetime", "2024 1_0 1", `field "1_0" is not a safe integer`],
  ["timedelta", "0 0 9007199254740993", `field "9007199254740993" is not a safe integer`],
];

for (const [kind, text, value] of SENT) {
  Deno.test(`readTime() and writeTime() agree with Twisted on ${kind} ${text}`, () => {
    const read = readTime(kind, text);
    assertEquals(read.toString(), value);
    assertEquals(writeTime(read), { kind, text });
  });
}

for (const [kind, text, value] of ALSO_READ) {
  Deno.test(`readTime() reads ${kind} ${JSON.stringify(text)} as Python does`, () => {
    assertEquals(readTime(kind, text).toString(), value);
  });
}

for (const [kind, text, fact] of REFUSED) {
  Deno.test(`readTime() refuses ${kind} ${JSON.stringify(text)}`, () => {
    const error = assertThrows(() => readTime(kind, text), RangeError, fact);
    assertEquals(error.message.startsWith(`Cannot read a ${kind} "${text}": `), true);
  });
}

Deno.test("readTime() returns the Temporal class of each kind", () => {
  assertInstanceOf(readTime("datetime", "2024 1 1"), Temporal.PlainDateTime);
  assertInstanceOf(readTime("date", "2024 1 1"), Temporal.PlainDate);
  assertInstanceOf(readTime("time", "1"), Temporal.PlainTime);
  assertInstanceOf(readTime("timedelta", "1 2 3"), Temporal.Duration);
});

Deno.test("readTime() refuses a long text without repeating it", () => {
  const error = assertThrows(() => readTime("date", " ".repeat(600_000)), RangeError);
  assertEquals(error.message, "Cannot read a date: it is longer than 128 characters");
});

Deno.test("readTime() and writeTime() work without Temporal where they can", () => {
  const date = Temporal.PlainDate.from("2024-01-01");
  const saved = Object.getOwnPropertyDescriptor(globalThis, "Temporal")!;
  Reflect.deleteProperty(globalThis, "Temporal");
  try {
    const fault = "Cannot read a datetime: this runtime has no Temporal";
    assertThrows(() => readTime("datetime", "2024 1 1"), TypeError, fault);
    assertEquals(writeTime(date), undefined);
    assertEquals(writeTime(new Date(0)), { kind: "datetime", text: "1970 1 1 0 0 0 0" });
  } finally {
    Object.defineProperty(globalThis, "Temporal", saved);
  }
});

Deno.test("writeTime() returns undefined for values that are not times", () => {
  for (const value of [null, undefined, 1, "2024-01-01", {}, [], new Map(), () => {}]) {
    assertEquals(writeTime(value), undefined);
  }
});

Deno.test("writeTime() sends a Date as a datetime in UTC", () => {
  const date = new Date(Date.UTC(2024, 1, 29, 23, 59, 58, 123));
  assertEquals(writeTime(date), { kind: "datetime", text: "2024 2 29 23 59 58 123000" });
  const early = new Date("0001-01-01T00:00:00Z");
  assertEquals(writeTime(early), { kind: "datetime", text: "1 1 1 0 0 0 0" });
});

Deno.test("writeTime() refuses a Date outside Python's range", () => {
  assertThrows(() => writeTime(new Date(NaN)), RangeError, "Cannot send a Date: it is invalid");
  for (const text of ["+010000-01-01T00:00:00.000Z", "0000-12-31T23:59:59.999Z"]) {
    const fault = `Cannot send a datetime "${text}": the year is not from 1 to 9999`;
    assertThrows(() => writeTime(new Date(text)), RangeError, fault);
  }
});

Deno.test("writeTime() sends the ISO date of another calendar", () => {
  const date = Temporal.PlainDate.from("2024-02-29").withCalendar("hebrew");
  assertEquals(writeTime(date), { kind: "date", text: "2024 2 29" });
  const time = Temporal.PlainDateTime.from("2024-02-29T01:02").withCalendar("buddhist");
  assertEquals(writeTime(time), { kind: "datetime", text: "2024 2 29 1 2 0 0" });
});

Deno.test("writeTime() sums up the fields of a duration", () => {
  const cases: readonly [Temporal.DurationLike, string][] = [
    [{ weeks: 1, days: 1 }, "8 0 0"],
    [{ hours: 25, minutes: 61, seconds: 61 }, "1 7321 0"],
    [{ hours: -36 }, "-2 43200 0"],
    [{ milliseconds: 1500, microseconds: 3000, nanoseconds: 2000 }, "0 1 503002"],
    [{ microseconds: -1 }, "-1 86399 999999"],
    [{ nanoseconds: Number.MAX_SAFE_INTEGER - 991 }, "104 21599 254740"],
    [{ days: -999_999_999 }, "-999999999 0 0"],
  ];
  for (const [fields, text] of cases) {
    assertEquals(writeTime(Temporal.Duration.from(fields)), { kind: "timedelta", text });
  }
});

Deno.test("writeTime() refuses a duration that Python cannot represent", () => {
  const refused: readonly [Temporal.DurationLike, string][] = [
    [{ years: 1 }, `Cannot send a timedelta "P1Y": years and months have no fixed length`],
    [{ months: -1 }, `Cannot send a timedelta "-P1M": years and months have no fixed length`],
    [{ nanoseconds: 1 }, "it is finer than a microsecond"],
    [{ days: 1_000_000_000 }, "it is over 999999999 days"],
    [{ days: -999_999_999, microseconds: -1 }, "it is over 999999999 days"],
  ];
  for (const [fields, fact] of refused) {
    assertThrows(() => writeTime(Temporal.Duration.from(fields)), RangeError, fact);
  }
});

Deno.test("writeTime() refuses nanoseconds and years beyond Python's", () => {
  const fine = Temporal.PlainDateTime.from("2024-01-01T00:00:00.000000001");
  assertThrows(() => writeTime(fine), RangeError, "Cannot send a datetime");
  const fault = `Cannot send a time "00:00:00.000000001": it is finer than a microsecond`;
  assertThrows(() => writeTime(fine.toPlainTime()), RangeError, fault);
  for (const year of [-1, 0, 10_000]) {
    const late = fine.with({ year, nanosecond: 0 });
    assertThrows(() => writeTime(late), RangeError, "the year is not from 1 to 9999");
    assertThrows(() => writeTime(late.toPlainDate()), RangeError, "Cannot send a date ");
  }
});

Deno.test("writeTime() refuses times with a zone, and suggests what to send instead", () => {
  const instant = Temporal.Instant.from("2024-01-01T00:00Z");
  const zoned = instant.toZonedDateTimeISO("UTC");
  assertThrows(() => writeTime(zoned), TypeError, "send its toPlainDateTime()");
  assertThrows(() => writeTime(instant), TypeError, `toZonedDateTimeISO("UTC").toPlainDateTime()`);
});
