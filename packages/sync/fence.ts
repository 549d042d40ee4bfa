import { compareResourceVersions, compareSourceVersions, type SourceVersion } from '@tmc/kernel/source-version.ts';

/**
 * The fence before every copy. A copy records the state it was written from, (epoch, uid, resourceVersion), and only moves to a newer
 * one. What may be newer is not always told by the numbers:
 * - A state from a hub relay's message is of the message's epoch; from any message, of no lower epoch than the configured one.
 * - A state the hub gave just now is of its newest incarnation, whatever epoch is configured. So it is never older than a copy that
 *   was read before it: if the copy's epoch is higher, the state has that epoch too; if its resourceVersion is higher in the same
 *   epoch, the hub's revisions have started over (restored from a backup, moved to another shard) and the state has the next epoch.
 * - A state older than the copy that came in a message, or that the hub gave before the copy was read, proves nothing: somebody
 *   may have been faster. The hub is read again, and only its answer decides.
 */

/** Where a state stands against a copy: to be written, carried already, or older, so that only the hub can tell. */
export type Standing = 'newer' | 'same' | 'doubtful';

/** @param recorded of the copy; undefined when it records none that can be read: everything is newer. */
export function standingOf(recorded: SourceVersion | undefined, state: SourceVersion): Standing {
  if (!recorded || !isCountable(recorded)) return 'newer';
  const order = compareSourceVersions(recorded, state);
  if (order > 0) return 'doubtful';
  return order < 0 ? 'newer' : 'same';
}

/**
 * The epoch of a state that the hub gave AFTER the copy was read that records `recorded`.
 * @param floor the epoch that is configured or was told in a message: revisions of lower ones are known to be gone.
 */
export function epochOfFresh(recorded: SourceVersion, rv: string, floor: number): number {
  if (!isCountable(recorded) || recorded.epoch < floor) return floor;
  return compareResourceVersions(rv, recorded.rv) < 0 ? recorded.epoch + 1 : recorded.epoch;
}

/** The lowest epoch a state of this message can have. Functions send the epoch they were told; member relays count their own. */
export function floorOf(
  configured: number,
  source: { readonly kind: 'hub' | 'member' | 'function'; readonly epoch: number },
): number {
  return source.kind === 'member' ? configured : Math.max(configured, source.epoch);
}

/** In a member anybody may write the annotation: an epoch that has no next one is nobody's. */
function isCountable({ epoch }: SourceVersion): boolean {
  return Number.isSafeInteger(epoch + 1);
}
