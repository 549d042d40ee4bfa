import type { JsonObject, KubeObject } from '@tmc/kernel/object.ts';
import type * as z from 'zod';
import type { KindDefinition } from '../kinds/kind.ts';
import type { Converted, FieldProblem, LabelSelector } from '../policy.ts';

/** Spec and status of an object with all defaults filled in. */
export type Parsed<K extends KindDefinition> = {
  readonly spec: z.output<K['spec']>;
  readonly status: z.output<K['status']>;
};

/** Longest text of a received value in a problem. */
const MAX_RECEIVED = 80;

/**
 * Reads spec and status by the schemas of the kind and checks the rules between fields. Objects stored before a rule existed, or on
 * a server without our schemas, arrive here unchecked, so nothing is taken for granted. All problems are told at once.
 */
export function parseKind<K extends KindDefinition>(kind: K, obj: KubeObject): Converted<Parsed<K>> {
  const rawSpec = obj['spec'] ?? (kind.specRequired ? undefined : {});
  const spec = kind.spec.safeParse(rawSpec, { reportInput: true });
  const status = kind.status.safeParse(obj['status'] ?? {}, { reportInput: true });
  const problems = [
    ...(spec.error?.issues ?? []).map((issue) => problemOf('spec', issue)),
    ...(status.error?.issues ?? []).map((issue) => problemOf('status', issue)),
    ...brokenRules(kind, rawSpec),
  ];
  if (problems.length > 0 || !spec.success || !status.success) return { ok: false, problems };
  return { ok: true, value: { spec: spec.data, status: status.data } as Parsed<K> };
}

/** A selector as policies carry it, undefined when absent. */
export function selectorOf(
  parsed: { matchLabels?: Record<string, string> | undefined; matchExpressions?: unknown[] | undefined } | undefined,
): LabelSelector | undefined {
  if (!parsed) return undefined;
  const { matchLabels, matchExpressions } = parsed;
  return {
    ...(matchLabels ? { matchLabels } : {}),
    ...(matchExpressions
      ? { matchExpressions: matchExpressions as NonNullable<LabelSelector['matchExpressions']> }
      : {}),
  };
}

/** Status of a condition, 'Unknown' when the object does not carry it. */
export function conditionStatus(
  conditions: readonly { type: string; status: 'True' | 'False' | 'Unknown' }[] | undefined,
  type: string,
): 'True' | 'False' | 'Unknown' {
  return conditions?.find((condition) => condition.type === type)?.status ?? 'Unknown';
}

function brokenRules(kind: KindDefinition, spec: unknown): FieldProblem[] {
  if (typeof spec !== 'object' || spec === null) return [];
  const raw = spec as JsonObject;
  return kind.rules
    .filter((rule) => rule.holds && !rule.holds(raw))
    .map(({ field, message }) => ({
      field: `spec.${field}`,
      expected: message,
      received: received(valueAt(raw, field)),
    }));
}

function problemOf(root: string, issue: z.core.$ZodIssue): FieldProblem {
  return { field: fieldPath(root, issue.path), expected: expectation(issue), received: received(issue.input) };
}

/** `spec.list[0].name`; keys that are no plain names in brackets. */
function fieldPath(root: string, path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return /^\w+$/.test(String(part)) ? `${text}.${String(part)}` : `${text}["${String(part)}"]`;
  }, root);
}

function expectation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.expected;
    case 'invalid_value':
      return issue.values.length === 1 ? String(issue.values[0]) : `one of ${issue.values.join(', ')}`;
    case 'too_small':
      return `${sizeOf(issue.origin)}at least ${issue.minimum}`;
    case 'too_big':
      return `${sizeOf(issue.origin)}at most ${issue.maximum}`;
    case 'invalid_format':
      return issue.format === 'datetime' ? 'an RFC 3339 time' : `text matching ${issue.pattern ?? issue.format}`;
    case 'invalid_union':
      return 'a text or a whole number';
    default:
      return issue.message;
  }
}

function sizeOf(origin: string): string {
  if (origin === 'string') return 'characters: ';
  return origin === 'array' ? 'entries: ' : '';
}

function received(value: unknown): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value);
  return text.length > MAX_RECEIVED ? `${text.slice(0, MAX_RECEIVED)}…` : text;
}

function valueAt(spec: JsonObject, field: string): unknown {
  return field
    .split('.')
    .reduce<unknown>((value, part) => (value as Record<string, unknown> | undefined)?.[part], spec);
}
