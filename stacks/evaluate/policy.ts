type Principal = { readonly type: string; readonly identifiers: readonly string[] };
type Condition = { readonly test: string; readonly variable: string; readonly values: readonly string[] };
type Statement = {
  readonly sid?: string;
  readonly effect?: string;
  readonly actions?: readonly string[];
  readonly resources?: readonly string[];
  readonly principals?: readonly Principal[];
  readonly conditions?: readonly Condition[];
};
export type PolicyInputs = { readonly statements?: readonly Statement[] };

/** The document that AWS's provider makes of statements; `statements` come back, for SST leaves a policy without any away. */
export function policyDocument({ statements }: PolicyInputs) {
  const document = { Version: '2012-10-17', Statement: (statements ?? []).map(statementOf) };
  const json = JSON.stringify(document);
  return { id: 'policy', json, minifiedJson: json, ...(statements && { statements }) };
}

function statementOf({ sid, effect, actions, resources, principals, conditions }: Statement) {
  return {
    ...(sid && { Sid: sid }),
    Effect: effect ?? 'Allow',
    ...(principals && {
      Principal: Object.fromEntries(principals.map(({ type, identifiers }) => [type, identifiers])),
    }),
    Action: actions,
    ...(resources && { Resource: resources }),
    ...(conditions?.length && { Condition: conditionsOf(conditions) }),
  };
}

function conditionsOf(conditions: readonly Condition[]): Record<string, Record<string, readonly string[]>> {
  const byTest: Record<string, Record<string, readonly string[]>> = {};
  for (const { test, variable, values } of conditions) byTest[test] = { ...byTest[test], [variable]: values };
  return byTest;
}
