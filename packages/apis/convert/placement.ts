import type { KubeObject } from '@tmc/kernel/object.ts';
import { PLACEMENT } from '../kinds/placement.ts';
import type { Converted, Policy } from '../policy.ts';
import { MATCH_NOTHING } from '../selectors.ts';
import { parseKind, selectorOf } from './parse.ts';
import { policyBase } from './policy-base.ts';

/**
 * A Placement as a policy: one Location, in it one target that gets everything. An empty list of location selectors and an absent
 * namespace selector select nothing, as upstream has it.
 */
export function convertPlacement(obj: KubeObject, workspace: string): Converted<Policy> {
  const parsed = parseKind(PLACEMENT, obj);
  if (!parsed.ok) return parsed;
  const { locationSelectors = [], namespaceSelector, locationWorkspace } = parsed.value.spec;
  return {
    ok: true,
    value: {
      ...policyBase(obj, workspace, PLACEMENT.resource),
      namespaces: { selector: selectorOf(namespaceSelector) ?? MATCH_NOTHING },
      selects: {},
      locationWorkspace: locationWorkspace || workspace,
      hard: { locationSelectors: locationSelectors.map((selector) => selectorOf(selector) ?? MATCH_NOTHING) },
      soft: { preferredLocations: [], preferredCapabilities: [] },
      min: 1,
      max: 1,
      spread: 'OneLocation',
      division: 'Duplicated',
    },
  };
}
