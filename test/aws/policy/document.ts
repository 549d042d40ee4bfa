import * as z from 'zod';

/**
 * The part of IAM's policy language that our policies use. Anything else is refused rather than skipped: an element that is not
 * understood may be what decides.
 */

/** One may be written without its list. */
const oneOrMore = <T extends z.ZodType>(type: T) =>
  z.preprocess((given) => (Array.isArray(given) ? given : [given]), z.array(type).min(1));

/** Policy variables stand for what only AWS knows at the time of the call. */
const text = z.string().refine((value) => !value.includes('${'), 'policy variables are not understood');
const action = text.regex(/^(\*|[a-z0-9-]+:[\w*?]+)$/i, 'an action is * or service:Name');
const resource = text.regex(/^(\*|arn:[^:]+:[^:]*:[^:]*:[^:]*:.+)$/, 'a resource is * or an ARN');

/** Keys of a request's context, with whether a request has several values of them. */
const CONDITION_KEYS = { 'dynamodb:leadingkeys': 'many', 'aws:sourcearn': 'one', 'aws:sourceaccount': 'one' } as const;
const COMPARISONS = ['StringEquals', 'StringLike', 'ArnEquals', 'ArnLike'] as const;
export type Comparison = (typeof COMPARISONS)[number];
export type ConditionKey = keyof typeof CONDITION_KEYS;

/** One comparison: all conditions of a statement must hold, any of the values may. */
export type Condition = {
  readonly over: 'one' | 'ForAllValues' | 'ForAnyValue';
  readonly comparison: Comparison;
  readonly key: ConditionKey;
  readonly values: readonly string[];
};

const operator = /^(?:(ForAllValues|ForAnyValue):)?(\w+)$/;

const conditions = z.record(z.string(), z.record(z.string(), oneOrMore(text))).transform((byOperator, context) =>
  Object.entries(byOperator).flatMap(([name, byKey]) =>
    Object.entries(byKey).map(([keyName, values]): Condition => {
      const [, over = 'one', comparison] = operator.exec(name) ?? [];
      const key = keyName.toLowerCase();
      if (!isComparison(comparison)) return refused(context, `the condition operator ${name} is not understood`);
      if (!isKey(key)) return refused(context, `the condition key ${keyName} is not understood`);
      if ((CONDITION_KEYS[key] === 'many') !== (over !== 'one')) {
        return refused(context, `${name} does not fit ${keyName}, of which a request has ${CONDITION_KEYS[key]}`);
      }
      return { over: over as Condition['over'], comparison, key, values };
    }),
  ),
);

const isComparison = (name: string | undefined): name is Comparison => COMPARISONS.includes(name as Comparison);
const isKey = (name: string): name is ConditionKey => Object.hasOwn(CONDITION_KEYS, name);

function refused(context: z.RefinementCtx, message: string): never {
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
}

const statement = z.strictObject({
  Sid: z.string().optional(),
  Effect: z.enum(['Allow', 'Deny']),
  Action: oneOrMore(action),
  Resource: oneOrMore(resource),
  Condition: conditions.default([]),
});
const document = z.strictObject({
  Version: z.literal('2012-10-17'),
  Id: z.string().optional(),
  Statement: oneOrMore(statement),
});

export type Statement = z.output<typeof statement>;
export type PolicyDocument = z.output<typeof document>;

/**
 * A policy document out of JSON, or of the object it stands for; lists of one written as the one become lists.
 * @param about Whose policy it is, for the error.
 * @throws Error naming each element that is not understood.
 */
export function parsePolicy(policy: unknown, about: string): PolicyDocument {
  const parsed = document.safeParse(typeof policy === 'string' ? JSON.parse(policy) : policy);
  if (!parsed.success) throw new Error(`the policy ${about} is not understood:\n${z.prettifyError(parsed.error)}`);
  return parsed.data;
}
