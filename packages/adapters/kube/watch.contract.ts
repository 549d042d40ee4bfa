import { OWNER_LABEL } from '@tmc/apis/names.ts';
import { isTmcError, type TmcError } from '@tmc/kernel/errors.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import type { HubApi, WatchEvent, WatchSource } from '@tmc/kernel/ports.ts';
import { describe, expect, it } from 'vitest';
import type { KubeConnection } from './connection.ts';

/** A plain API server without our CRDs, as administrator and as someone without rights. */
export type KubePeer = {
  readonly connection: KubeConnection;
  readonly powerless: KubeConnection;
  /** A revision the server no longer knows. */
  expiredRevision(): Promise<string>;
  /** Makes it forget all revisions up to now. */
  forget(): Promise<void>;
  close(): Promise<void>;
};

const WORKSPACE = 'default';
const NAMESPACE = 'contract';
const CONFIG_MAPS = { group: '', resource: 'configmaps' };
type World = { readonly peer: KubePeer; readonly hub: HubApi; readonly source: WatchSource };

/** What a watch source promises of a plain API server whose namespace `contract` exists; part of the contract of the kube adapters. */
export function watchContract(world: () => World): void {
  describe('watch', () => {
    let serial = 0;
    const fresh = () => `w${process.pid}-${++serial}`;
    const configMap = (name = fresh(), labels: Record<string, string> = {}) => ({
      key: { workspace: WORKSPACE, ...CONFIG_MAPS, namespace: NAMESPACE, name },
      obj: {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name, namespace: NAMESPACE, labels },
        data: { a: '1', b: '2' },
      } as KubeObject,
    });

    it('resumes with strictly newer events, in order', async () => {
      const { key, obj } = configMap();
      const created = await world().hub.create(key, obj);
      const changed = await world().hub.patch(key, { data: { a: '2' } });
      await world().hub.delete(key);
      const events = await take(world().source, { resourceVersion: created.metadata.resourceVersion ?? '' }, (seen) =>
        seen.some(({ type, object }) => type === 'DELETED' && object.metadata.name === key.name),
      );
      const ours = events.filter(({ object }) => object.metadata.name === key.name);
      expect(ours.map(({ type }) => type)).toEqual(['MODIFIED', 'DELETED']);
      expect(ours[0]?.object).toEqual(changed);
      expect(Number(ours[1]?.object.metadata.resourceVersion)).toBeGreaterThan(
        Number(changed.metadata.resourceVersion),
      );
    });

    it('throws expired for a revision that is no longer known', async () => {
      const resourceVersion = await world().peer.expiredRevision();
      expect(await failure(take(world().source, { resourceVersion }, () => false))).toMatchObject({ kind: 'expired' });
    });

    it('WatchList: sends everything present, then a bookmark that says so, then what happens', async () => {
      const { hub, source } = world();
      const { key, obj } = configMap();
      await hub.create(key, obj);
      const late = AbortSignal.timeout(20_000);
      const events = source.watch(CONFIG_MAPS, { sendInitialEvents: true, timeoutSeconds: 60, signal: late });
      const present: WatchEvent[] = [];
      let end: WatchEvent | undefined;
      for await (const event of events) {
        if (end) {
          expect(event).toMatchObject({ type: 'DELETED', object: { metadata: { name: key.name } } });
          break;
        }
        if (event.type !== 'BOOKMARK') present.push(event);
        else {
          end = event;
          await hub.delete(key);
        }
      }
      expect(end?.object.metadata.annotations).toMatchObject({ 'k8s.io/initial-events-end': 'true' });
      expect(end?.object.metadata.resourceVersion).toMatch(/^\d+$/);
      expect(new Set(present.map(({ type }) => type))).toEqual(new Set(['ADDED']));
      const { items } = await hub.list(CONFIG_MAPS, { workspace: WORKSPACE });
      const names = (objects: readonly KubeObject[]) =>
        objects.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
      expect(names(present.map(({ object }) => object)).sort()).toEqual(
        [...names(items), `${NAMESPACE}/${key.name}`].sort(),
      );
    });

    it('WatchList with a label selector: sends what has the label, then the bookmark', async () => {
      const labels = { picked: fresh() };
      const [one, two, other] = [configMap(fresh(), labels), configMap(fresh(), labels), configMap()];
      for (const { key, obj } of [one, two, other]) await world().hub.create(key, obj);
      const options = { sendInitialEvents: true, labelSelector: `picked=${labels.picked}` };
      const events = await take(world().source, options, (seen) => seen.at(-1)?.type === 'BOOKMARK');
      expect(events.map(({ type }) => type)).toEqual(['ADDED', 'ADDED', 'BOOKMARK']);
      expect(
        events
          .slice(0, 2)
          .map(({ object }) => object.metadata.name)
          .sort(),
      ).toEqual([one.key.name, two.key.name].sort());
    });

    it('lists metadata only, with the revisions a full list has', async () => {
      const labels = { slim: fresh() };
      const made = await world().hub.create(configMap('slim', labels).key, configMap('slim', labels).obj);
      const options = { labelSelector: `slim=${labels.slim}`, signal: new AbortController().signal };
      const slim = await world().source.page(CONFIG_MAPS, { ...options, metadataOnly: true });
      expect(slim.items).toHaveLength(1);
      const { metadata, ...rest } = slim.items[0] as KubeObject;
      expect(metadata).toMatchObject({
        uid: made.metadata.uid,
        resourceVersion: made.metadata.resourceVersion,
        labels,
      });
      expect(Object.keys(rest).sort()).toEqual(['apiVersion', 'kind']);
      expect(slim.resourceVersion).toMatch(/^\d+$/);
    });

    it('tells how far its clock is from ours', async () => {
      await world().source.page(CONFIG_MAPS, { limit: 1, signal: new AbortController().signal });
      expect(Math.abs(world().source.clockSkewMs?.() ?? Number.NaN)).toBeLessThan(5_000);
    });

    it('throws expired for the rest of a list whose revision is no longer known', async () => {
      const labels = { forgotten: fresh() };
      for (const { key, obj } of [configMap(fresh(), labels), configMap(fresh(), labels)])
        await world().hub.create(key, obj);
      const options = {
        labelSelector: `forgotten=${labels.forgotten}`,
        limit: 1,
        signal: new AbortController().signal,
      };
      const first = await world().source.page(CONFIG_MAPS, options);
      await world().hub.create(configMap().key, configMap(`w${process.pid}-${serial}`).obj);
      await world().peer.forget();
      const rest = () => world().source.page(CONFIG_MAPS, { ...options, continue: first.continue ?? '' });
      expect(await failure(rest())).toMatchObject({ kind: 'expired' });
    }, 120_000);

    it('shows what comes and goes by label', async () => {
      const owner = fresh();
      const { key, obj } = configMap();
      const created = await world().hub.create(key, obj);
      await world().hub.patch(key, { metadata: { labels: { [OWNER_LABEL]: owner } } });
      await world().hub.patch(key, { metadata: { labels: { [OWNER_LABEL]: null } } });
      const options = {
        labelSelector: `${OWNER_LABEL}=${owner}`,
        resourceVersion: created.metadata.resourceVersion ?? '',
      };
      const events = await take(world().source, options, (seen) => seen.some(({ type }) => type === 'DELETED'));
      expect(events.filter(({ type }) => type !== 'BOOKMARK').map(({ type }) => type)).toEqual(['ADDED', 'DELETED']);
    });

    it('ends quietly at its deadline and when it is given up', async () => {
      const { resourceVersion } = await world().source.page(CONFIG_MAPS, {
        limit: 1,
        signal: new AbortController().signal,
      });
      await take(world().source, { resourceVersion, timeoutSeconds: 1 }, () => false);
      const givenUp = new AbortController();
      const options = { resourceVersion, timeoutSeconds: 60, signal: givenUp.signal };
      const reading = (async () => {
        for await (const event of world().source.watch(CONFIG_MAPS, options)) if (event) givenUp.abort();
      })();
      await world().hub.create(configMap().key, configMap(`w${process.pid}-${serial}`).obj);
      await reading;
    });

    it('pages with a token until the end', async () => {
      const labels = { paged: fresh() };
      for (const { key, obj } of [configMap(fresh(), labels), configMap(fresh(), labels), configMap(fresh(), labels)]) {
        await world().hub.create(key, obj);
      }
      const options = { labelSelector: `paged=${labels.paged}`, limit: 2, signal: new AbortController().signal };
      const first = await world().source.page(CONFIG_MAPS, options);
      expect(first.items).toHaveLength(2);
      const second = await world().source.page(CONFIG_MAPS, { ...options, continue: first.continue ?? '' });
      expect(second.items).toHaveLength(1);
      expect(second.continue).toBeUndefined();
      expect(second.resourceVersion).toBe(first.resourceVersion);
    });
  });
}

/** The error a call fails with; anything else fails the test. */
export async function failure(call: Promise<unknown>): Promise<TmcError> {
  const outcome = await call.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if ('error' in outcome && isTmcError(outcome.error)) return outcome.error;
  throw new Error(
    `a TmcError was expected, but: ${JSON.stringify(outcome)} ${'error' in outcome ? outcome.error : ''}`,
  );
}

/** Events until enough were seen, or the stream ended. @throws when that takes longer than 20 seconds. */
async function take(
  source: WatchSource,
  options: {
    resourceVersion?: string;
    labelSelector?: string;
    sendInitialEvents?: boolean;
    timeoutSeconds?: number;
  },
  isEnough: (seen: readonly WatchEvent[]) => boolean,
): Promise<WatchEvent[]> {
  const seen: WatchEvent[] = [];
  const late = AbortSignal.timeout(20_000);
  for await (const event of source.watch(CONFIG_MAPS, { timeoutSeconds: 60, ...options, signal: late })) {
    seen.push(event);
    if (isEnough(seen)) return seen;
  }
  if (late.aborted) throw new Error(`not enough events in time: ${JSON.stringify(seen.map(({ type }) => type))}`);
  return seen;
}
