import { terminalError } from '@tmc/kernel/errors.ts';
import type * as z from 'zod';

type Shown = (value: unknown) => string;

/**
 * All problems of a configuration at once, each with its name, what is expected and what was received: as `show` says it, by
 * default the value itself when it is short. `hint` says what to do about them.
 * @returns a terminal ConfigurationError whose message has one line per problem.
 */
export function configurationError(
  source: string,
  error: z.ZodError,
  input: unknown,
  {
    show = beginning,
    hint = 'mend every line named and start again',
  }: { readonly show?: Shown; readonly hint?: string } = {},
): Error {
  const lines = error.issues.flatMap((issue) => issueLines(issue, input, show));
  return terminalError(`${source} is not a valid configuration:\n${lines.map((line) => `  ${line}`).join('\n')}`, {
    type: 'ConfigurationError',
    hint,
  });
}

function issueLines(issue: z.core.$ZodIssue, input: unknown, show: Shown): string[] {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => `${[...path, key].join('.')}: expected no such setting, received one`);
  }
  const value = path.reduce<unknown>((at, part) => (at as Record<string, unknown> | null | undefined)?.[part], input);
  const received = value === undefined ? 'nothing' : show(value);
  return [`${path.join('.') || '(whole file)'}: expected ${expectation(issue)}, received ${received}`];
}

function expectation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.expected;
    case 'invalid_value':
      return oneOf(issue.values);
    case 'too_small':
      return `at least ${issue.minimum}${issue.origin === 'string' ? ' character(s)' : ''}`;
    case 'invalid_union':
      return issue.inclusive === false || !issue.options ? issue.message : oneOf(issue.options);
    case 'too_big':
      return `at most ${issue.maximum}${issue.origin === 'string' ? ' character(s)' : ''}`;
    default:
      return issue.message;
  }
}

const oneOf = (values: readonly unknown[]): string => values.map((value) => JSON.stringify(value)).join(' or ');

/** A received value, short; texts are shown only by their beginning, since a misplaced one may be a credential. */
function beginning(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 40 ? `${text.slice(0, 12)}… (${text.length} characters)` : text;
}
