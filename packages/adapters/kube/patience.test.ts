import { kindOf } from '@tmc/kernel/errors.ts';
import { expect, it, vi } from 'vitest';
import type { ApiTransport } from './api.ts';
import { NoAnswer, unreachable } from './exchange.ts';
import type { Ask } from './http.ts';
import { patientTransport } from './patience.ts';

const ask: Ask = { method: 'GET', path: '/api/v1/namespaces/a?x=1' };
const answer = { status: 200, contentType: 'application/json', body: '{}' };

/** A server whose calls end when the test says so. */
function setUp() {
  const world = { nowMs: 0, calls: [] as { ask: Ask; end: PromiseWithResolvers<typeof answer> }[] };
  const transport = {
    request: (asked: Ask) => {
      const end = Promise.withResolvers<typeof answer>();
      asked.signal?.addEventListener('abort', () => end.reject(unreachable(asked, new NoAnswer('given up'))));
      world.calls.push({ ask: asked, end });
      return end.promise;
    },
  } as unknown as ApiTransport;
  const patient = patientTransport(transport, { deadlineMs: 5_000, clock: () => world.nowMs });
  const hang = (index: number) =>
    world.calls[index]!.end.reject(unreachable(ask, new NoAnswer('none within 5000 ms', { late: true })));
  return { world, patient, hang };
}

it('one call that waited in vain spares all others the wait, until one at a time finds the server back', async () => {
  const { world, patient, hang } = setUp();
  const first = patient.request(ask);
  expect(world.calls[0]!.ask.deadlineMs).toBe(5_000);
  hang(0);
  await expect(first).rejects.toThrow('none within 5000 ms');
  await expect(patient.request(ask)).rejects.toMatchObject({ kind: 'retry', facts: { retryAfterMs: 5_000 } });
  expect(world.calls).toHaveLength(1);
  world.nowMs = 5_000;
  const probe = patient.request(ask);
  expect(world.calls[1]!.ask.deadlineMs).toBe(2_000);
  await expect(patient.request(ask)).rejects.toMatchObject({ kind: 'retry', facts: { type: 'ClusterUnreachable' } });
  hang(1);
  await expect(probe).rejects.toThrow();
  await expect(patient.request(ask)).rejects.toThrow('given up');
  world.nowMs = 10_000;
  const second = patient.request(ask);
  world.calls[2]!.end.resolve(answer);
  expect(await second).toBe(answer);
  void patient.request(ask);
  expect(world.calls[3]!.ask.deadlineMs).toBe(5_000);
});

it.each([
  ['is forgotten a minute later: a process that was frozen asks with all it has', 65_001, 10],
  ['is known for a minute: one call asks', 65_000, 1],
])('a silence that nobody asked about %s', async (_, nowMs, asking) => {
  const { world, patient, hang } = setUp();
  const late = patient.request(ask);
  hang(0);
  await expect(late).rejects.toThrow('none within 5000 ms');
  world.nowMs = nowMs;
  const batch = Array.from({ length: 10 }, () => patient.request(ask).then(() => 'answered', kindOf));
  expect(world.calls.slice(1)).toHaveLength(asking);
  for (const { end } of world.calls) end.resolve(answer);
  expect((await Promise.all(batch)).filter((outcome) => outcome === 'answered')).toHaveLength(asking);
});

it('a server that refuses or cuts connections keeps nobody waiting and is asked again', async () => {
  const { world, patient } = setUp();
  const cut = patient.request(ask);
  world.calls[0]!.end.reject(unreachable(ask, new NoAnswer('the connection was cut')));
  await expect(cut).rejects.toThrow('cut');
  void patient.request(ask);
  expect(world.calls).toHaveLength(2);
});

it('a deadline that the caller states is kept', () => {
  const { world, patient } = setUp();
  void patient.request({ ...ask, deadlineMs: 15_000 });
  expect(world.calls[0]!.ask.deadlineMs).toBe(15_000);
});

it('at most ten calls wait for a server that says nothing for a second; any answer makes room again', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate'] });
  try {
    const { world, patient } = setUp();
    const results = Array.from({ length: 15 }, () => patient.request(ask).catch((error: unknown) => error));
    await vi.advanceTimersByTimeAsync(1_100);
    for (const result of results.slice(10)) expect(await result).toMatchObject({ kind: 'retry' });
    await expect(patient.request(ask)).rejects.toThrow('given up');
    expect(world.calls).toHaveLength(15);
    world.calls[0]!.end.resolve(answer);
    expect(await results[0]).toBe(answer);
    void patient.request(ask);
    expect(world.calls).toHaveLength(16);
  } finally {
    vi.useRealTimers();
  }
});
