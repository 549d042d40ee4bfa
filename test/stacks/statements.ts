import { ofType, type Recorded, type Resource } from './recorded.ts';

/** A statement of a policy, its lists always lists. */
export type PolicyStatement = {
  readonly effect: string;
  readonly principals: readonly string[];
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  readonly conditions: readonly string[];
  /** Keys that widen a statement to all but what it names. */
  readonly negations: readonly string[];
};

export type RolePolicies = {
  readonly name: string;
  readonly trust: readonly PolicyStatement[];
  readonly statements: readonly PolicyStatement[];
  readonly managed: readonly string[];
};

type Document = { readonly Statement: readonly Record<string, unknown>[] };

/** Every role, by its logical name. */
export function rolesOf(recorded: Recorded): RolePolicies[] {
  return ofType(recorded, 'iam/role:Role').map(({ name, inputs }) => ({
    name,
    trust: statementsOf(inputs['assumeRolePolicy']),
    statements: (inputs['inlinePolicies'] as { policy: unknown }[]).flatMap(({ policy }) => statementsOf(policy)),
    managed: (inputs['managedPolicyArns'] as string[] | undefined) ?? [],
  }));
}

/** The statements of a policy that stands with a resource. */
export const resourcePolicy = ({ inputs }: Resource): PolicyStatement[] => statementsOf(inputs['policy']);

function statementsOf(policy: unknown): PolicyStatement[] {
  const { Statement } = (typeof policy === 'string' ? JSON.parse(policy) : policy) as Document;
  return Statement.map((statement) => ({
    effect: String(statement['Effect']),
    principals: principalsOf(statement['Principal']),
    actions: listOf(statement['Action']),
    resources: listOf(statement['Resource']),
    conditions: conditionsOf(statement['Condition']),
    negations: Object.keys(statement).filter((key) => key.startsWith('Not')),
  }));
}

const listOf = (value: unknown): string[] => (value === undefined ? [] : [value].flat().map(String));

function principalsOf(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return listOf(value);
  return Object.entries(value).flatMap(([kind, who]) => listOf(who).map((one) => `${kind} ${one}`));
}

function conditionsOf(value: unknown): string[] {
  return Object.entries((value ?? {}) as Record<string, Record<string, unknown>>).flatMap(([test, of]) =>
    Object.entries(of).map(([variable, values]) => `${test} ${variable} = ${listOf(values).join(', ')}`),
  );
}
