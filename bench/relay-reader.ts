/** What is measured, in a process of its own: the relay, or the watches of @kubernetes/client-node doing nothing but parse. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { startReading } from './relay-reading.ts';

export type ReaderName = 'relay' | 'watch' | 'informer';
/** What to read. `sqs` is the endpoint of an SQS server; without it messages go to queues in memory. */
export type ReadOrder = {
  readonly do: 'read';
  readonly reader: ReaderName;
  readonly url: string;
  readonly caPem: string;
  readonly kind: 'deployments' | 'configmaps' | 'fifty';
  readonly sqs?: string;
  /** Messages that the queues in memory hold before they are thrown away. */
  readonly queueHolds: number;
};
export type ReaderOrder =
  | ReadOrder
  /** Measures until so many events were read (and all of them sent). */
  | { readonly do: 'count'; readonly events: number }
  | { readonly do: 'look' }
  | { readonly do: 'stop' };

/** What reading has come to. */
export type Reading = {
  ready(): boolean;
  /** Events read so far, and whether nothing of them is left to send. */
  progress(): { events: number; settled: boolean; coalesced: number; listed: number };
  stop(): Promise<void>;
};
/** `missing`: events that had not come when nothing came any more. */
export type Count = {
  readonly events: number;
  readonly missing: number;
  readonly coalesced: number;
  readonly cpuMs: number;
  readonly wallMs: number;
};
export type Look = {
  readonly rss: number;
  readonly peakRss: number;
  readonly heapUsed: number;
  readonly cpuMs: number;
  readonly listed: number;
  readonly settled: boolean;
  readonly ready: boolean;
};
export type ReaderNews =
  | { readonly is: 'counting' }
  | ({ readonly is: 'counted' } & Count)
  | ({ readonly is: 'looked' } & Look)
  | { readonly is: 'stopped' };

/** Nothing came for so long: the stream stands still. */
const STALLED_MS = 5_000;

let reading: Reading | undefined;
process.on('message', (order: ReaderOrder) => void obey(order));
process.on('disconnect', () => process.exit(0));
// By itself, so that profilers write what they saw.
process.on('SIGTERM', () => process.exit(0));

function tell(news: ReaderNews): void {
  process.send?.(news);
}

async function obey(order: ReaderOrder): Promise<void> {
  if (order.do === 'read') reading = await startReading(order, randomUUID);
  else if (order.do === 'count') await count(order.events);
  else if (order.do === 'look') tell({ is: 'looked', ...look() });
  else {
    await reading?.stop();
    tell({ is: 'stopped' });
  }
}

async function count(events: number): Promise<void> {
  if (!reading) return;
  const { events: first, coalesced } = reading.progress();
  const startedMs = performance.now();
  const cpu = process.cpuUsage();
  tell({ is: 'counting' });
  let seen = first;
  let seenAtMs = startedMs;
  for (;;) {
    await pause(20);
    const { events: now, settled } = reading.progress();
    if (now !== seen) [seen, seenAtMs] = [now, performance.now()];
    if ((now - first >= events && settled) || (now > first && performance.now() - seenAtMs > STALLED_MS)) break;
  }
  const { user, system } = process.cpuUsage(cpu);
  const missing = Math.max(0, events - (seen - first));
  const wallMs = (missing > 0 ? seenAtMs : performance.now()) - startedMs;
  const replaced = reading.progress().coalesced - coalesced;
  tell({
    is: 'counted',
    events: events - missing,
    missing,
    coalesced: replaced,
    cpuMs: (user + system) / 1000,
    wallMs,
  });
}

function look(): Look {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed } = process.memoryUsage();
  const { listed = 0, settled = false } = reading?.progress() ?? {};
  return {
    rss,
    heapUsed,
    peakRss: peakRss(),
    cpuMs: (user + system) / 1000,
    listed,
    settled,
    ready: reading?.ready() ?? false,
  };
}

/** The most memory the process ever had, bytes; 0 where there is no /proc. */
function peakRss(): number {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
