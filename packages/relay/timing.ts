import type { Random } from '@tmc/kernel/ids.ts';

export type BackoffRange = { readonly firstMs: number; readonly maxMs: number };

/** Wait before attempt number `failures` + 1: doubles from `firstMs` to `maxMs`, the upper half of it by chance. */
export function backoffMs(failures: number, { firstMs, maxMs }: BackoffRange, random: Random): number {
  const full = Math.min(maxMs, firstMs * 2 ** Math.min(Math.max(failures - 1, 0), 30));
  return Math.round(full / 2 + (random() * full) / 2);
}
