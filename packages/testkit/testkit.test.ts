import { describe, expect, it } from 'vitest';
import { createTestClock } from './clock.ts';
import { explore } from './explore.ts';
import { sequentialIds } from './ids.ts';
import { clusterWorkloadPlacement, configMap, deployment, namespace, secret, service, syncTarget } from './objects.ts';
import { seededRandom, shuffled } from './random.ts';

describe('the virtual clock', () => {
  it('fires timers in order of their instants, each at its own', async () => {
    const clock = createTestClock(1_000);
    const fired: [string, number][] = [];
    const note = (name: string) => () => void fired.push([name, clock.now()]);
    clock.schedule(30, note('late'));
    clock.schedule(10, note('early'));
    clock.schedule(10, note('early too'));
    const cancel = clock.schedule(20, note('cancelled'));
    cancel();
    await clock.advance(25);
    expect(clock.now()).toBe(1_025);
    await clock.advance(25);
    expect(fired).toEqual([
      ['early', 1_010],
      ['early too', 1_010],
      ['late', 1_030],
    ]);
    expect(clock.waiting()).toBe(0);
  });

  it('a sleeper that sleeps again within the time passed wakes again', async () => {
    const clock = createTestClock(0);
    const woken: number[] = [];
    const work = (async () => {
      for (let turn = 0; turn < 3; turn += 1) {
        await clock.sleep(10);
        woken.push(clock.now());
      }
    })();
    await clock.advance(100);
    await work;
    expect(woken).toEqual([10, 20, 30]);
  });

  it('an aborted sleep ends at once and leaves no timer', async () => {
    const clock = createTestClock(0);
    const stop = new AbortController();
    const sleeping = clock.sleep(1_000, stop.signal);
    stop.abort();
    await sleeping;
    await clock.sleep(1_000, stop.signal);
    expect([clock.now(), clock.waiting()]).toEqual([0, 0]);
  });

  it('steps from timer to timer, and can be set', async () => {
    const clock = createTestClock(0);
    clock.schedule(7, () => undefined);
    expect([await clock.advanceToNext(), clock.now(), await clock.advanceToNext()]).toEqual([true, 7, false]);
    clock.jumpTo(3);
    expect(clock.now()).toBe(3);
  });
});

describe('the model checker', () => {
  const counter = (invariant: (n: number, atRest: boolean) => string | undefined, maxStates = 100) =>
    explore({
      initial: 0,
      *actions(n) {
        if (n < 10) yield { name: 'one', next: n + 1 };
        if (n < 9) yield { name: 'two', next: n + 2 };
      },
      invariant,
      key: String,
      maxStates,
    });

  it('visits every state once', () => {
    expect(counter(() => undefined)).toEqual({ ok: true, states: 11 });
  });

  it('returns the shortest way to a violation', () => {
    const result = counter((n) => (n === 5 ? 'five' : undefined));
    expect(result).toMatchObject({ ok: false, reason: 'five' });
    expect(result.ok ? [] : result.path.map(({ state }) => state)).toHaveLength(4);
  });

  it('tells the invariant which states are at rest', () => {
    const rest = counter((n, atRest) => (atRest ? `rests at ${n}` : undefined));
    expect(rest).toMatchObject({ ok: false, reason: 'rests at 10' });
  });

  it('refuses a model that is too large rather than pass it', () => {
    expect(() => counter(() => undefined, 5)).toThrow('more than 5 states');
  });
});

describe('seeded choices', () => {
  it('repeat for one seed and differ for another', () => {
    const draw = (seed: number) => Array.from({ length: 20 }, seededRandom(seed));
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
    expect(draw(3).every((n) => n >= 0 && n < 1)).toBe(true);
  });

  it('are spread evenly', () => {
    const random = seededRandom(42);
    const buckets = Array.from({ length: 10 }, () => 0);
    for (let n = 0; n < 10_000; n += 1) buckets[Math.floor(random() * 10)]! += 1;
    expect(Math.min(...buckets)).toBeGreaterThan(850);
    expect(Math.max(...buckets)).toBeLessThan(1_150);
  });

  it('shuffling keeps every item and leaves the input alone', () => {
    const items = Array.from({ length: 50 }, (_, n) => n);
    const mixed = shuffled(items, seededRandom(7));
    expect(mixed).not.toEqual(items);
    expect([...mixed].sort((a, b) => a - b)).toEqual(items);
  });
});

it('identifiers count up and sort', () => {
  const ids = sequentialIds('m');
  expect([ids(), ids()]).toEqual(['m-000001', 'm-000002']);
});

it('builders make objects a server takes: selectors match templates, secrets are encoded', () => {
  const web = deployment({ name: 'web', namespace: 'shop' }, { replicas: 3 });
  expect(web).toMatchObject({
    metadata: { namespace: 'shop' },
    spec: {
      replicas: 3,
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } } },
    },
  });
  expect(service({ name: 'web' }).metadata.namespace).toBe('default');
  expect(configMap({ name: 'c' }).metadata.namespace).toBe('default');
  expect(namespace({ name: 'n' }).metadata).toEqual({ name: 'n' });
  const policy = clusterWorkloadPlacement({ name: 'p' }, { minReplicas: 1 });
  expect(policy).toMatchObject({ metadata: { name: 'p' }, spec: { namespaceSelector: {}, minReplicas: 1 } });
  expect(secret({ name: 's' }, { a: 'b' })).toMatchObject({ data: { a: 'Yg==' } });
  expect(syncTarget({ name: 'west' }, { location: 'us-west-2' })).toMatchObject({ spec: { location: 'us-west-2' } });
});
