import { loadavg } from 'node:os';
import { instant } from './instant.ts';
import type { BenchFleet } from './latency-fleet.ts';
import { watchMembers } from './member-watch.ts';
import { deployment, imageOf, imagePatch, keyOf } from './objects.ts';
import { type Percentiles, percentiles } from './percentiles.ts';
import { poll } from './poll.ts';

export type DriftResult = {
  readonly servers: string;
  readonly samples: number;
  /** Answer to the foreign edit → the repaired copy in the member's watch, ms. */
  readonly repaired: Percentiles;
  readonly load: number;
};

const DEADLINE_MS = 30_000;

/** Edits the image of copies in members by hand, one after another, and times until each is as it was. */
export async function measureDrift(
  fleet: BenchFleet,
  { name, samples }: { name: string; samples: number },
): Promise<DriftResult> {
  const image = 'nginx:1.27';
  const waits = new Map<string, (at: number) => void>();
  const copies = new Map<string, string | undefined>();
  const idOf = (member: string, objectName: string) => `${member}/${objectName}`;
  const stopWatching = await watchMembers(fleet, (downstreamObj, member) => {
    const id = idOf(member, downstreamObj.metadata.name);
    const before = copies.get(id);
    copies.set(id, imageOf(downstreamObj));
    if (imageOf(downstreamObj) === image && before !== undefined && before !== image) waits.get(id)?.(instant());
  });
  const objects = Array.from({ length: 10 }, (_, i) => `drift-${i}`);
  for (const each of objects) await fleet.hub.create(keyOf(fleet, each), deployment(fleet, each, image));
  await poll('copies everywhere', async () => copies.size === objects.length * fleet.members.length);
  const tookMs: number[] = [];
  for (let i = 0; i < samples; i += 1) {
    // A pause, so that one repair's echo is not another's load.
    await new Promise((resolve) => setTimeout(resolve, 250));
    const member = fleet.members[i % fleet.members.length];
    const objectName = objects[i % objects.length] ?? '';
    if (!member) break;
    const repaired = new Promise<number>((resolve, reject) => {
      waits.set(idOf(member.name, objectName), resolve);
      setTimeout(() => reject(new Error(`${objectName} in ${member.name} is not repaired`)), DEADLINE_MS).unref();
    });
    const edit = imagePatch(`foreign:${i}`);
    await member.api.patch({ ...keyOf(fleet, objectName), workspace: member.name }, edit);
    const editedAt = instant();
    tookMs.push((await repaired) - editedAt);
  }
  await stopWatching();
  await fleet.removeAll();
  return { servers: name, samples, repaired: percentiles(tookMs), load: loadavg()[0] ?? 0 };
}
