import { digest, type Fields, type Kind, type Live } from './kind.ts';
import type { Entry } from './record.ts';

/** What is to be done about one resource. */
type Decision =
  | { readonly do: 'create' }
  | { readonly do: 'none' }
  | { readonly do: 'update' | 'replace'; readonly fields: readonly string[] }
  /** It is there, and this deployment did not make it. */
  | { readonly do: 'refuse'; readonly because: 'foreign' }
  /** Fields would have to change that cannot, in a resource that holds data. */
  | { readonly do: 'refuse'; readonly because: 'fixed'; readonly fields: readonly string[] };

type Known = Pick<Entry, 'isSettled' | 'wanted' | 'seen'>;

/**
 * Compares what the program wants with what is recorded and with what is there. A field counts as changed when the program says
 * something else than last time, or when the endpoint shows something else than after last time: an endpoint that writes values
 * otherwise than they were given, or leaves some out, is not put right again on every run. A field that the program said last time and
 * says no more has changed too; one that it never said is not looked at.
 */
export function decide(
  { adopts, fixed = [], holdsData }: Pick<Kind, 'adopts' | 'fixed' | 'holdsData'>,
  wanted: Fields,
  known: Known | undefined,
  live: Pick<Live, 'fields'> | undefined,
): Decision {
  if (!live) return { do: 'create' };
  if (!known) return adopts ? { do: 'create' } : { do: 'refuse', because: 'foreign' };
  const changed = known.isSettled ? changedFields(wanted, known, live.fields) : fieldsOf(wanted, known);
  if (changed.length === 0) return { do: 'none' };
  const stuck = fixed.filter((field) => isChangedFixed(field, wanted, known));
  if (stuck.length === 0) return { do: 'update', fields: changed };
  return holdsData ? { do: 'refuse', because: 'fixed', fields: stuck } : { do: 'replace', fields: changed };
}

/** The digests to compare with next time. */
export function digests(fields: Fields, of: Fields = fields): Record<string, string> {
  return Object.fromEntries(Object.keys(fields).map((field) => [field, digest(of[field])]));
}

/** What the program says now or said last time. */
function fieldsOf(wanted: Fields, { wanted: before }: Known): string[] {
  return [...new Set([...Object.keys(wanted), ...Object.keys(before)])];
}

function changedFields(wanted: Fields, known: Known, live: Fields): string[] {
  return fieldsOf(wanted, known).filter(
    (field) => known.wanted[field] !== digest(wanted[field]) || known.seen[field] !== digest(live[field]),
  );
}

/** What cannot be changed by hand either: only the program can want it otherwise. */
function isChangedFixed(field: string, wanted: Fields, { wanted: before }: Known): boolean {
  return before[field] !== undefined && before[field] !== digest(wanted[field]);
}
