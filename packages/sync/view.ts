import {
  CONTENT_HASH_ANNOTATION,
  MANAGED_LABEL,
  OWNER_LABEL,
  SOURCE_CLUSTER_ANNOTATION,
  SOURCE_GENERATION_ANNOTATION,
  SOURCE_VERSION_ANNOTATION,
  SYNC_TARGET_ANNOTATION,
  SYNC_TIMESTAMP_ANNOTATION,
  SYNCED_FROM_LABEL,
  specDiffAnnotation,
  UPSTREAM_ANNOTATION,
} from '@tmc/apis/names.ts';
import { contentHashOf } from '@tmc/apis/owned-fields.ts';
import { apiVersionOf, resourceType } from '@tmc/apis/resources.ts';
import type { ResourceKey } from '@tmc/kernel/key.ts';
import type { JsonObject, KubeObject } from '@tmc/kernel/object.ts';
import type { Decision, TargetFacts } from '@tmc/kernel/records.ts';
import { formatSourceVersion, type SourceVersion } from '@tmc/kernel/source-version.ts';
import { downstreamKeyOf, formatUpstream } from './copy-identity.ts';
import type { SyncSettings } from './load.ts';
import { withEnvironment } from './transform/environment.ts';
import { withReplicas } from './transform/replicas.ts';
import { withoutAllocations } from './transform/service.ts';
import { withSpecDiff } from './transform/spec-diff.ts';
import { strip } from './transform/strip.ts';

export type ViewInput = {
  readonly key: ResourceKey;
  readonly upstreamObj: KubeObject;
  readonly decision: Decision;
  readonly target: TargetFacts;
  readonly settings: SyncSettings;
  /** RFC 3339, recorded on the copy. */
  readonly now: string;
};

/** What a target should see of an object, or what is wrong with the object's wishes for that target. */
export type View =
  | {
      readonly ok: true;
      readonly key: ResourceKey;
      readonly copy: KubeObject;
      readonly hash: string;
      readonly version: SourceVersion;
    }
  | { readonly ok: false; readonly problem: string };

/**
 * The copy of one upstream object for one target. Fixed order: strip · replicas · environment · allocations (Services) ·
 * the target's spec diff, which sees the result of all others and so has the last word · stamps.
 */
export function viewFor(input: ViewInput): View {
  const { key, upstreamObj, decision, target } = input;
  const type = resourceType(key);
  let content = strip(upstreamObj);
  if (type.kind === 'Deployment') content = withReplicas(content, decision, target.key);
  content = withEnvironment(content, target);
  if (type.kind === 'Service') content = withoutAllocations(content);
  const annotation = specDiffAnnotation(target.key);
  const differed = withSpecDiff(content, upstreamObj.metadata.annotations?.[annotation]);
  if (!differed.ok) return { ok: false, problem: `annotation ${annotation} cannot be applied: ${differed.problem}` };
  const unsigned = stamp(differed.copy, input);
  const version = sourceVersionOf(upstreamObj, input.settings.epoch);
  return {
    ok: true,
    ...sign(unsigned, { upstreamObj, version, now: input.now }),
    key: downstreamKeyOf(key, target),
    version,
  };
}

/** The source version of an upstream state of this epoch of the hub's revisions (`fence.ts`). */
export function sourceVersionOf({ metadata }: KubeObject, epoch: number): SourceVersion {
  return { epoch, uid: metadata.uid ?? '', rv: metadata.resourceVersion ?? '' };
}

function stamp(content: JsonObject, { key, target, settings }: ViewInput): KubeObject {
  const { labels, annotations } = content['metadata'] as Record<string, Record<string, string>>;
  const type = resourceType(key);
  return {
    ...content,
    apiVersion: apiVersionOf(type),
    kind: type.kind,
    metadata: {
      name: key.name,
      namespace: downstreamKeyOf(key, target).namespace,
      labels: {
        ...labels,
        [OWNER_LABEL]: target.key,
        [MANAGED_LABEL]: 'true',
        [SYNCED_FROM_LABEL]: labelValue(settings.workspaceName?.(key.workspace) ?? key.workspace),
      },
      annotations: {
        ...annotations,
        [UPSTREAM_ANNOTATION]: formatUpstream(key),
        [SOURCE_CLUSTER_ANNOTATION]: settings.sourceClusterName,
        [SYNC_TARGET_ANNOTATION]: target.name,
      },
    },
  };
}

type Signature = { readonly upstreamObj: KubeObject; readonly version: SourceVersion; readonly now: string };

/** Adds what records the write: when, from which state, with which content. */
function sign(copy: KubeObject, { upstreamObj, version, now }: Signature) {
  const hash = contentHashOf(copy);
  const { generation } = upstreamObj.metadata;
  const annotations = {
    ...copy.metadata.annotations,
    [SYNC_TIMESTAMP_ANNOTATION]: now,
    [SOURCE_VERSION_ANNOTATION]: formatSourceVersion(version),
    ...(generation === undefined ? {} : { [SOURCE_GENERATION_ANNOTATION]: String(generation) }),
    [CONTENT_HASH_ANNOTATION]: hash,
  };
  return { hash, copy: { ...copy, metadata: { ...copy.metadata, annotations } } };
}

/** A workspace as a label value: at most 63 characters of letters, digits, `-_.`, letter or digit at both ends. */
function labelValue(workspace: string): string {
  const allowed = workspace.replace(/[^A-Za-z0-9._-]/g, '-').slice(0, 63);
  return allowed.replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, '');
}
