import type { Log } from '@tmc/adapters/lambda/telemetry.ts';
import { createSyncStore } from '@tmc/adapters/table/sync-store.ts';
import type { Table } from '@tmc/adapters/table/table.ts';
import { type ResourceType, SYNCED_RESOURCES } from '@tmc/apis/resources.ts';
import type { Sleep } from '@tmc/kernel/clock.ts';
import { messageOf } from '@tmc/kernel/errors.ts';
import { formatGroupResource } from '@tmc/kernel/key.ts';

/** How often a member's relay looks at its target's facts; a read of one item. */
const LOOK_MS = 10_000;

/**
 * The kinds a member's relay watches: those its target says it syncs. Nothing said, or nothing this version carries: all it
 * carries, since a relay that watches nothing could not even tell whether the member answers. `unknown` are the others.
 */
export function kindsOf(synced: readonly string[]): {
  readonly resources: readonly ResourceType[];
  readonly unknown: readonly string[];
} {
  const names = SYNCED_RESOURCES.map(formatGroupResource);
  const resources = SYNCED_RESOURCES.filter((_, i) => synced.includes(names[i] as string));
  const unknown = synced.filter((name) => !names.includes(name));
  return { resources: resources.length > 0 ? resources : SYNCED_RESOURCES, unknown };
}

export type FollowOptions = {
  readonly table: Table;
  readonly targetKey: string;
  /** Called with other kinds than before; at first the relay watches all that this version carries. */
  readonly apply: (resources: readonly ResourceType[]) => void;
  readonly log: Log;
  readonly sleep: Sleep;
};

/**
 * Keeps a member relay's kinds those of its target's facts, until the signal is aborted. While the table does not answer, and
 * for a target it does not know, they stay as they are.
 */
export async function followTargetKinds(options: FollowOptions, signal: AbortSignal): Promise<void> {
  const { table, targetKey, apply, log, sleep } = options;
  const store = createSyncStore(table);
  const say = onceEach(log, targetKey);
  let present = nameAll(SYNCED_RESOURCES);
  while (!signal.aborted) {
    try {
      const facts = await store.findTarget(targetKey);
      if (signal.aborted) return;
      const { resources, unknown } = kindsOf(facts?.syncedResources ?? []);
      const names = nameAll(resources);
      if (facts && names !== present) {
        present = names;
        apply(resources);
      }
      say(unknown.length > 0 ? `the target syncs ${unknown.join(', ')}, which this version does not carry` : undefined);
    } catch (error) {
      say(`the kinds of the target cannot be read: ${messageOf(error)}`);
    }
    await sleep(LOOK_MS, signal);
  }
}

const nameAll = (resources: readonly ResourceType[]): string => resources.map(formatGroupResource).join(' ');

/** Logs a text when it differs from the last one. */
function onceEach(log: Log, target: string): (text: string | undefined) => void {
  let last: string | undefined;
  return (text) => {
    if (text !== last && text !== undefined) log.warn({ target }, text);
    last = text;
  };
}
