import { inspect } from "node:util";

/** Shows a value as text, whole and with its keys in order. */
export function format(value: unknown): string {
  return inspect(value, {
    depth: 100,
    sorted: true,
    getters: true,
    maxArrayLength: 1000,
    maxStringLength: 100_000,
    breakLength: 80,
    compact: false,
  });
}

/** Shows where two values differ; the lines that agree at both ends are left out. */
export function difference(actual: unknown, expected: unknown): string {
  const left = format(actual).split("\n"), right = format(expected).split("\n");
  let start = 0;
  while (start < left.length && start < right.length && left[start] === right[start]) start++;
  let end = 0;
  while (
    end < left.length - start && end < right.length - start &&
    left[left.length - 1 - end] === right[right.length - 1 - end]
  ) end++;
  const context = left.slice(Math.max(0, start - 3), start).map((line) => `    ${line}`);
  return [
    "",
    "    [Diff] Actual / Expected",
    "",
    ...context,
    ...left.slice(start, left.length - end).map((line) => `-   ${line}`),
    ...right.slice(start, right.length - end).map((line) => `+   ${line}`),
    "",
  ].join("\n");
}
