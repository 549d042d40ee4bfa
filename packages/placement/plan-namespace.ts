/** How a namespace in the hub shows its decisions. It only shows them: what a tenant writes there places nothing. */
import { deletionAnnotation, PLACEMENT_ANNOTATION, STATE_LABEL_PREFIX, stateLabel } from '@tmc/apis/names.ts';
import type { JsonObject, KubeObject } from '@tmc/kernel/object.ts';
import type { StoredGroup } from './load.ts';

const DELETION_PREFIX = deletionAnnotation('');

/** The merge patch that makes labels and annotations say what the groups decided, undefined when they do. */
export function planNamespacePatch(namespaceObj: KubeObject, groups: readonly StoredGroup[]): JsonObject | undefined {
  const live = groups.filter((group) => !group.withdrawn);
  const wantedLabels = new Map(
    live.flatMap(({ decision }) => decision.targets.map((target) => [stateLabel(target.key), 'Sync'] as const)),
  );
  const wantedAnnotations = new Map(live.length > 0 ? [[PLACEMENT_ANNOTATION, '']] : []);
  const { labels = {}, annotations = {} } = namespaceObj.metadata;
  const metadata = {
    labels: difference(labels, wantedLabels, (key) => key.startsWith(STATE_LABEL_PREFIX)),
    annotations: difference(
      annotations,
      wantedAnnotations,
      (key) => key === PLACEMENT_ANNOTATION || key.startsWith(DELETION_PREFIX),
    ),
  };
  const changed = Object.entries(metadata).filter(([, part]) => Object.keys(part).length > 0);
  return changed.length > 0 ? { metadata: Object.fromEntries(changed) } : undefined;
}

/** What is missing or different, and null for what is ours and not wanted. */
function difference(
  current: Readonly<Record<string, string>>,
  wanted: ReadonlyMap<string, string>,
  isOurs: (key: string) => boolean,
): JsonObject {
  const patch: JsonObject = {};
  for (const [key, value] of wanted) if (current[key] !== value) patch[key] = value;
  for (const key of Object.keys(current)) if (isOurs(key) && !wanted.has(key)) patch[key] = null;
  return patch;
}
