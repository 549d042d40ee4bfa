import { describe, expect, it } from 'vitest';
import { missingOf, type ReadinessView } from './readiness.ts';

const outlet = (name: string, more = {}) => ({
  name,
  lastOkMs: undefined,
  lastFailedMs: undefined,
  error: undefined,
  ...more,
});
const source = { listed: true, state: 'streaming', failures: 0, resource: 'configmaps', endpoint: 'hub' };

function view(more: Partial<ReadinessView> = {}, sources: object[] = [source]): ReadinessView {
  const relay = { state: () => sources, metrics: () => ({}) } as unknown as NonNullable<ReadinessView['relay']>;
  return {
    name: 'r',
    nowMs: 100_000,
    connected: true,
    connectError: undefined,
    sourceErrors: [],
    election: undefined,
    relay,
    queues: [outlet('queue sync'), outlet('queue recovery', { lastOkMs: 99_000 })],
    table: outlet('table'),
    ...more,
  };
}

const candidate = { role: 'candidate', leader: 'other', error: undefined } as const;

describe('readiness of a relay', () => {
  it.each<[string, ReadinessView, readonly string[]]>([
    ['everything is listed and a queue accepted lately', view(), []],
    [
      'the source is not connected',
      view({ connected: false, connectError: 'no answer', relay: undefined }),
      ['relay r: not connected yet: no answer'],
    ],
    ['there is no endpoint', view({}, []), ['relay r: no source yet']],
    [
      'a kind is not listed',
      view({}, [{ ...source, listed: false, state: 'forbidden', lastError: 'may not list' }]),
      ['relay r: configmaps at hub is forbidden: may not list'],
    ],
    [
      'one queue refuses while another accepts',
      view({ queues: [outlet('queue sync', { error: 'denied' }), outlet('queue recovery', { lastOkMs: 99_000 })] }),
      ['relay r: queue sync refuses messages: denied'],
    ],
    [
      'nothing was sent yet',
      view({ queues: [outlet('queue sync')] }),
      ['relay r: no queue has accepted a message yet'],
    ],
    [
      'sends have hung for over a minute',
      view({ queues: [outlet('queue sync', { lastOkMs: 39_000 })] }),
      ['relay r: no queue has accepted a message for 61 s'],
    ],
    ['endpoints cannot be read', view({ sourceErrors: ['slice: 403'] }), ['relay r: slice: 403']],
    ['it stands by', view({ relay: undefined, election: candidate }), []],
    [
      'it cannot stand for election',
      view({ relay: undefined, election: { ...candidate, error: 'table is away' } }),
      ['relay r: cannot stand for election: table is away'],
    ],
  ])('%s', (_name, given, missing) => {
    expect(missingOf(given)).toEqual(missing);
  });
});
