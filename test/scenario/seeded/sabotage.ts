import { SOURCE_VERSION_ANNOTATION } from '@tmc/apis/names.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import type { MemberApi } from '@tmc/kernel/ports.ts';

/** Members' APIs with one safeguard taken out each: a world with one of them must be found to be wrong. */
export const SABOTAGES = {
  /** Copies do not tell which version they were made from: an older state overwrites a newer one. */
  'no source versions': (member: MemberApi): MemberApi => ({
    ...member,
    get: async (key) => withoutVersion(await member.get(key)),
  }),
  /** Writes take effect whatever happened since the read they rest on. */
  'no preconditions': (member: MemberApi): MemberApi => ({
    ...member,
    apply: (key, downstreamObj) => member.apply(key, downstreamObj, {}),
  }),
  /** What is to be deleted is said to be gone already. */
  'no deletions': (member: MemberApi): MemberApi => ({ ...member, delete: async () => undefined }),
} as const;

export type Sabotage = keyof typeof SABOTAGES;

function withoutVersion(copy: KubeObject | undefined): KubeObject | undefined {
  const { [SOURCE_VERSION_ANNOTATION]: _taken, ...annotations } = copy?.metadata.annotations ?? {};
  return copy && { ...copy, metadata: { ...copy.metadata, annotations } };
}
