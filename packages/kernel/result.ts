/**
 * What a handler tells the queue about one message: `done` acknowledges a durable effect, `again` gives it back for `afterMs`, `park`
 * puts it to the dead letters with the reason, since retrying cannot help. Expected outcomes are values; only bugs are thrown.
 * `supersedes`: judged as the newest state of its key; an earlier one of this incarnation, given back with the mark, need not return.
 */
export type Outcome =
  | { readonly kind: 'done'; readonly note?: string; readonly supersedes?: true }
  | { readonly kind: 'again'; readonly afterMs: number; readonly reason: string; readonly supersedes?: true }
  | { readonly kind: 'park'; readonly reason: string };

export const done: Outcome = { kind: 'done' };
export const again = (afterMs: number, reason: string): Outcome => ({ kind: 'again', afterMs, reason });
export const superseding = (o: Outcome): Outcome => (o.kind === 'park' ? o : { ...o, supersedes: true });
export const park = (reason: string): Outcome => ({ kind: 'park', reason });
