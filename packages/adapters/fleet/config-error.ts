import { terminalError } from '@tmc/kernel/errors.ts';
import type * as z from 'zod';

/**
 * All problems of a configuration at once, each with its name, what is expected and what was received.
 * @returns a terminal ConfigurationError whose message has one line per problem.
 */
export function configurationError(source: string, error: z.ZodError, input: unknown): Error {
  const lines = error.issues.flatMap((issue) => issueLines(issue, input));
  return terminalError(`${source} is not a valid configuration:\n${lines.map((line) => `  ${line}`).join('\n')}`, {
    type: 'ConfigurationError',
    hint: 'mend every line named and start again',
  });
}

function issueLines(issue: z.core.$ZodIssue, input: unknown): string[] {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => `${[...path, key].join('.')}: expected no such setting, received one`);
  }
  const received = show(
    path.reduce<unknown>((value, part) => (value as Record<string, unknown> | undefined)?.[part], input),
  );
  return [`${path.join('.') || '(whole file)'}: expected ${expectation(issue)}, received ${received}`];
}

function expectation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.expected;
    case 'invalid_value':
      return issue.values.map((v) => JSON.stringify(v)).join(' or ');
    case 'too_small':
      return `at least ${issue.minimum}${issue.origin === 'string' ? ' character(s)' : ''}`;
    case 'too_big':
      return `at most ${issue.maximum}${issue.origin === 'string' ? ' character(s)' : ''}`;
    default:
      return issue.message;
  }
}

/** A received value, short; texts are shown only by their beginning, since a misplaced one may be a credential. */
function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 40 ? `${text.slice(0, 12)}… (${text.length} characters)` : text;
}
