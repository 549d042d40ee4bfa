import type { Chaos } from './chaos.ts';
import type { Memory } from './relay-process.ts';

/** Counters of the relay, as its /metrics names them. */
export const EXPIRED = /^tmc_relay_state_entered_total\{.*state="expired"/;
export const HALF_OPEN = /^tmc_relay_state_entered_total\{.*state="half-open"/;
export const COMPARISONS = /^tmc_relay_comparisons_total\b/;
export const REPAIRED = /^tmc_relay_repaired_total\b/;

/** What a run did and saw, as a table to print. */
export async function tableOf(
  chaos: Chaos,
  { settledMs, peak, tookMs }: { settledMs: number; peak: Memory; tookMs: number },
): Promise<string> {
  const { counts } = await chaos.ask();
  const load = chaos.load.counts();
  const { done } = chaos;
  const told = counts.upserts + counts.deletes;
  const lives = [chaos.relay, ...chaos.pair].reduce((sum, relay) => sum + relay.lives(), 0);
  const rows: readonly (readonly [string, string | number])[] = [
    ['SIGKILLs of the relay', done.kills],
    ['lives of the relay', lives],
    ['SIGSTOPs past the watch window', done.stops],
    ['links stalled / half-open / connections cut', `${done.stalls} / ${done.halfOpens} / ${done.cuts}`],
    ['outages of queue or table', done.outages],
    ['compactions', done.compactions],
    ['410s seen by the relay (of lives looked at)', chaos.counted(EXPIRED)],
    ['API server restarts', done.apiRestarts],
    ['server set back to a backup', done.restores],
    ['writes: created / updated / deleted', `${load.created} / ${load.updated} / ${load.deleted}`],
    ['of those deleted and created again at once', load.recreated],
    ['writes without an answer', load.unknown],
    ['messages received / by redelivery', `${counts.received} / ${counts.redelivered}`],
    ['upserts / deletes / list marks', `${counts.upserts} / ${counts.deletes} / ${counts.marks}`],
    ['upserts and deletes that told nothing new', `${((100 * counts.old) / Math.max(1, told)).toFixed(1)} %`],
    ['time to converge after the last disturbance', `${settledMs} ms`],
    ['lists compared by anti-entropy', chaos.counted(COMPARISONS)],
    ['repaired by anti-entropy', chaos.counted(REPAIRED)],
    ['peak memory of a relay: resident / its own', `${peak.resident.toFixed(0)} / ${peak.own.toFixed(0)} MiB`],
    ['whole run', `${(tookMs / 1_000).toFixed(0)} s`],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return ['', ...rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`)].join('\n');
}
