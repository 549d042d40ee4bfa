import { messageOf } from '@tmc/kernel/errors.ts';
import { type Chaos, keepEvidence, logsHoldSecret, openChaos } from './chaos.ts';
import { digests, readServer } from './comparison.ts';
import { PHASES, type Phase } from './phases.ts';
import { larger, type Memory } from './relay-process.ts';
import { COMPARISONS, EXPIRED, HALF_OPEN, REPAIRED, tableOf } from './report.ts';

export type ChaosOptions = {
  readonly seed: number;
  /** SIGKILLs of the relay in the whole run. */
  readonly kills: number;
  /** The relay as one file. */
  readonly bundle: string;
  readonly phases: readonly Phase[];
  /** Where logs and both sides of the comparison go when something fails. */
  readonly evidence: string;
};

/** SIGKILLs that other phases than `kills` bring in any case: `deletes-unwatched`, `replicas`, `restored`; `storm` draws some more. */
const OTHER_KILLS = 8 + 8 + 1;
/** What a container of the relay is given; with fewer than a thousand objects most of it is room the collector has no reason to free. */
const MAX_PEAK_MIB = 256;

/** Runs the phases one after the other, prints what it sees, and stops everything. A failed phase ends the run: later ones prove nothing. */
export async function runChaos({ seed, kills, bundle, phases, evidence }: ChaosOptions) {
  const startedMs = Date.now();
  const chaos = await openChaos({ seed, bundle });
  const tally = new Tally();
  const peaks: Memory[] = [];
  let settledMs = 0;
  try {
    for (const { name, run } of phases) {
      const before = { ...chaos.done };
      const passed = await tally.check(`after ${name} the consumer believes what the server holds`, async () => {
        chaos.load.resume();
        await run(chaos, Math.max(1, kills - OTHER_KILLS));
        settledMs = await chaos.settle();
        const peak = chaos.takePeak();
        peaks.push(peak);
        return `${told(before, chaos)}peak ${peak.resident.toFixed(0)} MiB, settled in ${settledMs} ms`;
      });
      if (!passed) break;
    }
    const peak = larger([...peaks, chaos.takePeak()]);
    if (tally.passed === PHASES.length) await tally.checkDone(chaos, kills);
    await tally.checkEnd(chaos, peak);
    for (const line of digests(await readServer(chaos.servers.api))) console.log(`  ${line}`);
    if (tally.failed > 0) console.log(`evidence: ${await keepEvidence(chaos, evidence)}`);
    console.log(await tableOf(chaos, { settledMs, peak, tookMs: Date.now() - startedMs }));
  } finally {
    await chaos.close();
  }
  return { passed: tally.passed, failed: tally.failed };
}

function told(before: Chaos['done'], { done }: Chaos): string {
  const changes = Object.entries(done).map(
    ([name, count]) => [count - before[name as keyof Chaos['done']], name] as const,
  );
  const told = changes.filter(([count]) => count > 0).map(([count, name]) => `${count} ${name}, `);
  return told.join('');
}

class Tally {
  passed = 0;
  failed = 0;

  /** Runs a check and prints how it went; true when it passed. */
  async check(what: string, act: () => Promise<string>): Promise<boolean> {
    const startedMs = Date.now();
    try {
      const remark = await act();
      console.log(`ok    ${what} (${((Date.now() - startedMs) / 1_000).toFixed(1)} s: ${remark})`);
      this.passed += 1;
      return true;
    } catch (error) {
      console.log(`FAIL  ${what}: ${messageOf(error)}`);
      this.failed += 1;
      return false;
    }
  }

  /** After all phases: a disturbance that did not happen proves nothing. */
  async checkDone(chaos: Chaos, kills: number): Promise<void> {
    await this.check(`all of it happened, ${kills} SIGKILLs among it`, async () => {
      const seen = { ...chaos.done, '410s': chaos.counted(EXPIRED), 'half-open streams': chaos.counted(HALF_OPEN) };
      const never = Object.entries(seen).filter(([, count]) => count === 0);
      if (never.length > 0) throw new Error(`never happened: ${never.map(([name]) => name).join(', ')}`);
      if (seen.kills < kills) throw new Error(`${seen.kills} SIGKILLs only`);
      return `${seen['410s']} 410s, ${seen['half-open streams']} half-open streams`;
    });
  }

  async checkEnd(chaos: Chaos, peak: Memory): Promise<void> {
    await this.check('every counter was there in every look at a ready relay', async () => {
      const { ready, lacking } = chaos.looks();
      if (lacking.length > 0) throw new Error(`missing at times: ${lacking.join(', ')}`);
      if (ready === 0) throw new Error('no ready relay was looked at');
      return `${ready} looks`;
    });
    await this.check('anti-entropy ran and repaired nothing', async () => {
      const rounds = chaos.counted(COMPARISONS);
      const repaired = chaos.counted(REPAIRED);
      if (repaired !== 0) throw new Error(`${repaired} events were repaired by anti-entropy`);
      if (rounds === 0) throw new Error('no kind was ever compared');
      return `${rounds} lists compared`;
    });
    await this.check('no list mark is broken, no message died, nothing is out of sight', async () => {
      const { counts, dead } = await chaos.ask();
      const { broken, unseen } = counts;
      if (broken + unseen + dead > 0) throw new Error(`${broken} broken marks, ${unseen} unseen, ${dead} dead letters`);
      return `${counts.marks} marks`;
    });
    await this.check('no value of a Secret is in a message or log', async () => {
      const { counts } = await chaos.ask();
      if (counts.secrets > 0) throw new Error(`${counts.secrets} messages hold one`);
      if (logsHoldSecret(chaos)) throw new Error('a log of the relay holds one');
      return `${counts.received} messages`;
    });
    await this.check(`no relay takes more than ${MAX_PEAK_MIB} MiB`, async () => {
      if (peak.resident > MAX_PEAK_MIB) throw new Error(`one took ${peak.resident.toFixed(0)} MiB`);
      if (peak.resident === 0) throw new Error('nothing was measured: is there /proc?');
      return `${peak.resident.toFixed(0)} MiB at most`;
    });
    await this.check('what lies below the checkpoints was delivered', async () => {
      await chaos.relay.stop();
      return `${await chaos.auditCheckpoints()} objects, after a drain`;
    });
  }
}
