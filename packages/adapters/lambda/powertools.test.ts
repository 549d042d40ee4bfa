import { afterEach, expect, it, vi } from 'vitest';
import { createTelemetry } from './powertools.ts';

const written: string[] = [];

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  written.length = 0;
});

/** What Lambda takes for metrics: lines of standard output, here those of the console. */
function meterOnStdout() {
  vi.stubEnv('POWERTOOLS_DEV', 'true');
  vi.stubEnv('POWERTOOLS_METRICS_DISABLED', 'false');
  vi.spyOn(console, 'log').mockImplementation((line: string) => void written.push(line));
  return createTelemetry('place', 'ERROR').meter;
}

it('a batch is one line for each metric, with its labels and the service as the only dimensions', () => {
  const meter = meterOnStdout();
  meter.count('tmc_messages_handled_total', { queue: 'sync', outcome: 'done' }, 3);
  meter.observe('tmc_message_age_seconds', { queue: 'sync' }, [0.5, 2]);
  const lines = written.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines).toMatchObject([
    { service: 'tmc', queue: 'sync', outcome: 'done', tmc_messages_handled_total: 3 },
    { service: 'tmc', queue: 'sync', tmc_message_age_seconds: [0.5, 2] },
  ]);
  const directives = lines.map(({ _aws }) => (_aws as { CloudWatchMetrics: object[] }).CloudWatchMetrics);
  expect(directives).toEqual([
    [
      {
        Namespace: 'ServerlessTMC',
        Dimensions: [['service', 'queue', 'outcome']],
        Metrics: [{ Name: 'tmc_messages_handled_total', Unit: 'Count' }],
      },
    ],
    [
      {
        Namespace: 'ServerlessTMC',
        Dimensions: [['service', 'queue']],
        Metrics: [{ Name: 'tmc_message_age_seconds', Unit: 'Seconds' }],
      },
    ],
  ]);
});

it('nothing observed is no line', () => {
  meterOnStdout().observe('tmc_message_age_seconds', { queue: 'sync' }, []);
  expect(written).toEqual([]);
});
