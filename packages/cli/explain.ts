import { isTmcError, messageOf } from '@tmc/kernel/errors.ts';

/** What went wrong and, where somebody can mend it, what to change. */
export function explain(error: unknown): string {
  const hint = isTmcError(error) ? error.facts.hint : undefined;
  return hint === undefined ? messageOf(error) : `${messageOf(error)}\nWhat to do: ${hint}`;
}
