/**
 * Readable numbers in Markdown tables.
 *
 * @module
 */

/** Rounds to three digits: `1.23`, `45.6k`, `7.89M`. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size >= 1e6) return `${(value / 1e6).toPrecision(3)}M`;
  if (size >= 1e4) return `${(value / 1e3).toPrecision(3)}k`;
  return size >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

/** Rounds to three digits, or marks values that differ by more than 30 % of their median. */
export function shortMedian(values: readonly number[]): string {
  const known = values.filter(Number.isFinite);
  if (known.length === 0) return "";
  const middle = median(known);
  const isNoisy = (Math.max(...known) - Math.min(...known)) / Math.abs(middle) > 0.3;
  return short(middle) + (isNoisy ? " ~" : "");
}

/** Returns the median: the middle value, or the mean of the two middle ones. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** Formats a number of bytes: `64 KiB`. */
export function bytes(count: number): string {
  if (count >= 1024 ** 2) return `${Math.round(count / 1024 ** 2)} MiB`;
  return count >= 1024 ? `${Math.round(count / 1024)} KiB` : `${count} B`;
}

/** Lays out a table; all columns but the first hold numbers. */
export function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) =>
    Math.max(4, title.length, ...rows.map((row) => row[i]?.length ?? 0))
  );
  const line = (cells: readonly string[]) =>
    `| ${
      widths.map((width, i) =>
        i === 0 ? (cells[i] ?? "").padEnd(width) : (cells[i] ?? "").padStart(width)
      ).join(" | ")
    } |`;
  const rule = widths.map((width, i) => "-".repeat(i === 0 ? width : width - 1) + (i ? ":" : ""));
  return [line(head), line(rule), ...rows.map(line)].join("\n");
}
