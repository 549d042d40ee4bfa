import type { LabelSelector } from './policy.ts';

type Labels = Readonly<Record<string, string>>;
type Requirement = NonNullable<LabelSelector['matchExpressions']>[number];

/**
 * Whether labels satisfy a selector, with the semantics of Kubernetes: all parts must hold, an empty selector matches everything,
 * and a key that is absent satisfies `NotIn` and `DoesNotExist`.
 */
export function matchesSelector(selector: LabelSelector, labels: Labels): boolean {
  return (
    matchesLabels(selector.matchLabels ?? {}, labels) &&
    (selector.matchExpressions ?? []).every((requirement) => matchesRequirement(requirement, labels))
  );
}

/** A selector that nothing satisfies: what an absent selector means where the contract says so. */
export const MATCH_NOTHING: LabelSelector = { matchExpressions: [{ key: 'nothing', operator: 'In', values: [] }] };

/** Whether labels hold every wanted pair. */
function matchesLabels(wanted: Labels, labels: Labels): boolean {
  return Object.entries(wanted).every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value);
}

function matchesRequirement({ key, operator, values }: Requirement, labels: Labels): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case 'In':
      return value !== undefined && (values ?? []).includes(value);
    case 'NotIn':
      return value === undefined || !(values ?? []).includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
  }
}

/** One selector that holds when both do: the parts of the second join as expressions, so that equal keys do not overwrite. */
export function bothSelectors(a: LabelSelector | undefined, b: LabelSelector | undefined): LabelSelector | undefined {
  if (!a || !b) return a ?? b;
  const pairs = Object.entries(b.matchLabels ?? {}).map(([key, value]) => ({
    key,
    operator: 'In' as const,
    values: [value],
  }));
  return {
    ...(a.matchLabels ? { matchLabels: a.matchLabels } : {}),
    matchExpressions: [...(a.matchExpressions ?? []), ...pairs, ...(b.matchExpressions ?? [])],
  };
}
