import { lineTemplate } from './relay-objects.ts';

/** What this sort of machine does when nothing else runs on it. */
const QUIET = 38_000;
const MEASURE_MS = 400;

/**
 * Parsings and writings of one Deployment (4.7 KB of JSON) per second of processor time, now. On a busy machine a second of
 * processor time is worth less: what a run measured can be judged by it.
 */
export function yardstick(): string {
  const text = lineTemplate('deployments', 1).bytes.toString();
  const started = process.cpuUsage();
  let trips = 0;
  let usedMs = 0;
  while (usedMs < MEASURE_MS) {
    for (let at = 0; at < 100; at += 1) JSON.stringify(JSON.parse(text));
    trips += 100;
    const { user, system } = process.cpuUsage(started);
    usedMs = (user + system) / 1000;
  }
  const perSecond = Math.round((trips / usedMs) * 1000);
  return `${perSecond.toLocaleString('en')} JSON round trips per CPU s (about ${QUIET.toLocaleString('en')} when quiet)`;
}
