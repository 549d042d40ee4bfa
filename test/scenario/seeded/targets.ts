import { targetKey } from '@tmc/apis/hash.ts';

export const WORKSPACE = 'acme';

/** The targets of every world: one keeps the names of namespaces, one hashes them. */
export const TARGETS = (
  [
    { name: 'west', location: 'us-west', mapping: 'Preserve' },
    { name: 'east', location: 'us-east', mapping: 'Hashed' },
  ] as const
).map((target) => ({ ...target, key: targetKey(WORKSPACE, target.name) }));

export type TargetName = 'west' | 'east';

/** The hub's namespaces, with objects of equal names in both. */
export const NAMESPACES = ['alpha', 'beta'] as const;
