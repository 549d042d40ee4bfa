import { loadavg } from 'node:os';

/** Prints rows as a table of right-aligned columns. */
export function printTable<T>(rows: readonly T[], columns: Readonly<Record<string, (row: T) => string>>): void {
  const shows = Object.values(columns);
  const cells = [Object.keys(columns), ...rows.map((row) => shows.map((show) => show(row)))];
  const widths = shows.map((_, i) => Math.max(...cells.map((row) => (row[i] ?? '').length)));
  for (const row of cells) console.log(row.map((cell, i) => cell.padStart(widths[i] ?? 0)).join('  '));
}

/** A target and whether it was met. */
export function verdict(met: boolean, target: string): string {
  return `${target} ${met ? 'met' : 'MISSED'}`;
}

/** The machine's load averages of 1, 5 and 15 minutes. */
export function load(): string {
  return loadavg()
    .map((value) => value.toFixed(1))
    .join(' ');
}
