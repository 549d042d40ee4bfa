/** Nearest-rank percentiles of a sample, in its unit. */
export type Percentiles = { readonly p50: number; readonly p90: number; readonly p99: number; readonly max: number };

/** Percentiles of a sample; all 0 when it is empty. */
export function percentiles(values: readonly number[]): Percentiles {
  const sorted = values.filter((value) => Number.isFinite(value)).sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}
