import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks of Linux are 10 ms on every common build. */
const TICK_MS = 10;

/** Processor time, ms, of these processes and their descendants that live; undefined where there is no /proc. */
export function processorTimeMs(pids: readonly number[]): number | undefined {
  const stats = readStats();
  if (!stats) return undefined;
  const open = [...pids];
  let sumMs = 0;
  for (let pid = open.pop(); pid !== undefined; pid = open.pop()) {
    sumMs += (stats.get(pid)?.ticks ?? 0) * TICK_MS;
    for (const [child, { parent }] of stats) if (parent === pid) open.push(child);
  }
  return sumMs;
}

type Stat = { readonly parent: number; readonly ticks: number };

function readStats(): Map<number, Stat> | undefined {
  const stats = new Map<number, Stat>();
  try {
    for (const name of readdirSync('/proc')) if (/^\d+$/.test(name)) addStat(stats, Number(name));
  } catch {
    return undefined;
  }
  return stats;
}

function addStat(stats: Map<number, Stat>, pid: number): void {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // After the name in brackets: state, parent, …; user and system time are fields 14 and 15 of all.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    stats.set(pid, { parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) });
  } catch {
    // It ended meanwhile.
  }
}
