/**
 * What a handler tells the queue about one message. Expected outcomes are values; only bugs are thrown.
 * - `done`: the effect is durable, acknowledge.
 * - `again`: give it back, visible again after `afterMs`.
 * - `park`: retrying cannot help; dead letter with the reason, then acknowledge.
 *
 * `supersedes`: the message was the newest state of its key when it was judged; an earlier state of the same incarnation, given back
 * with the same mark, has nothing more to say and need not come back.
 */
export type Outcome =
  | { readonly kind: 'done'; readonly note?: string; readonly supersedes?: true }
  | { readonly kind: 'again'; readonly afterMs: number; readonly reason: string; readonly supersedes?: true }
  | { readonly kind: 'park'; readonly reason: string };

export const done: Outcome = { kind: 'done' };
export const again = (afterMs: number, reason: string): Outcome => ({ kind: 'again', afterMs, reason });
export const superseding = (outcome: Outcome): Outcome =>
  outcome.kind === 'park' ? outcome : { ...outcome, supersedes: true };
export const park = (reason: string): Outcome => ({ kind: 'park', reason });
