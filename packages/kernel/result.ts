/**
 * What a handler tells the queue about one message. Expected outcomes are values; only bugs are thrown.
 * - `done`: the effect is durable, acknowledge.
 * - `again`: give it back, visible again after `afterMs`.
 * - `park`: retrying cannot help; dead letter with the reason, then acknowledge.
 */
export type Outcome =
  | { readonly kind: 'done'; readonly note?: string }
  | { readonly kind: 'again'; readonly afterMs: number; readonly reason: string }
  | { readonly kind: 'park'; readonly reason: string };

export const done: Outcome = { kind: 'done' };
export const again = (afterMs: number, reason: string): Outcome => ({ kind: 'again', afterMs, reason });
export const park = (reason: string): Outcome => ({ kind: 'park', reason });
