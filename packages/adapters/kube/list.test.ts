import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Api } from './api.ts';
import { listAll, listPage } from './list.ts';
import { json, type Reply, type ScriptedServer, startScriptedServer } from './scripted-server.ts';

const CONFIG_MAPS = { group: '', resource: 'configmaps' };
const expired = json({ kind: 'Status', code: 410, reason: 'Expired' }, 410);

function page(names: string[], next?: string): Reply {
  const metadata = { resourceVersion: '42', ...(next ? { continue: next } : {}) };
  const items = names.map((name) => ({ metadata: { name } }));
  return json({ apiVersion: 'v1', kind: 'ConfigMapList', metadata, items });
}

describe('listAll', () => {
  let server: ScriptedServer;
  let api: Api;
  /** Answers in the order they are asked for. */
  let script: Reply[];

  beforeEach(async () => {
    server = await startScriptedServer((stream, headers) => script.shift()?.(stream, headers));
    api = new Api({ connection: server.connection });
  });
  afterEach(async () => {
    api.close();
    await server.close();
  });

  it('puts pages together, with the kind that items of built-in lists leave out', async () => {
    script = [page(['a', 'b'], 'token'), page(['c'])];
    const list = await listAll(api, CONFIG_MAPS, {});
    expect(list.resourceVersion).toBe('42');
    expect(list.items).toEqual(
      ['a', 'b', 'c'].map((name) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } })),
    );
  });

  it('begins afresh when the revision expired between pages, once', async () => {
    script = [page(['old'], 'token'), expired, page(['a'], 'token'), page(['b'])];
    const { items } = await listAll(api, CONFIG_MAPS, {});
    expect(items.map(({ metadata }) => metadata.name)).toEqual(['a', 'b']);
    script = [page(['old'], 'token'), expired, page(['old'], 'token'), expired];
    await expect(listAll(api, CONFIG_MAPS, {})).rejects.toMatchObject({ kind: 'expired' });
  });

  it('asks for metadata only when that is enough', async () => {
    const accepted: unknown[] = [];
    const reply: Reply = (stream, headers) => {
      accepted.push(headers['accept']);
      page(['a'])(stream, headers);
    };
    script = [reply, reply];
    await listPage(api, CONFIG_MAPS, { metadataOnly: true });
    await listPage(api, CONFIG_MAPS, {});
    expect(accepted).toEqual([
      'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1, application/json',
      'application/json',
    ]);
  });

  it('takes an empty list of metadata, which real servers write without items', async () => {
    const metadata = { resourceVersion: '42' };
    script = [json({ apiVersion: 'meta.k8s.io/v1', kind: 'PartialObjectMetadataList', metadata, items: null })];
    expect(await listPage(api, CONFIG_MAPS, { metadataOnly: true })).toEqual({ items: [], resourceVersion: '42' });
  });

  it('never returns part of a list', async () => {
    script = [page(['a'], 'token'), json({}, 503)];
    await expect(listAll(api, CONFIG_MAPS, {})).rejects.toMatchObject({ kind: 'retry' });
  });

  describe('of pages that are too large', () => {
    let bounded: Api;
    /** Bytes of each object on the server. */
    let sizes: number[];
    const limits: number[] = [];

    beforeEach(() => {
      bounded = new Api({ connection: server.connection, maxAnswerBytes: 10_000 });
      limits.length = 0;
      server.reply = (stream, headers) => {
        const query = new URL(String(headers[':path']), 'http://x').searchParams;
        const [limit, from] = [Number(query.get('limit')), Number(query.get('continue') ?? 0)];
        limits.push(limit);
        const items = sizes.map((size, n) => ({ metadata: { name: `o${n}` }, data: { a: 'x'.repeat(size) } }));
        const next = from + limit < items.length ? { continue: String(from + limit) } : {};
        const metadata = { resourceVersion: '42', ...next };
        json({ apiVersion: 'v1', kind: 'ConfigMapList', metadata, items: items.slice(from, from + limit) })(
          stream,
          headers,
        );
      };
    });
    afterEach(() => bounded.close());

    it.each([false, true])('reads smaller ones down to single objects (metadata only: %s)', async (metadataOnly) => {
      sizes = [...Array.from({ length: 9 }, () => 100), 8_000, 8_000, 8_000];
      const { items } = await listAll(bounded, CONFIG_MAPS, { metadataOnly });
      expect(items.map(({ metadata }) => metadata.name)).toEqual(sizes.map((_, n) => `o${n}`));
      expect(limits.slice(0, 6)).toEqual([500, 250, 125, 63, 32, 16]);
      expect(limits).toContain(1);
    });

    it('says what to do about an object that is too large by itself', async () => {
      sizes = [100, 20_000];
      await expect(listAll(bounded, CONFIG_MAPS, {})).rejects.toMatchObject({
        kind: 'terminal',
        message: expect.stringMatching(/^LIST configmaps: .* 10000 bytes for a page of one object$/),
        facts: { component: 'answer-limit', hint: expect.stringContaining('find the oversized object') },
      });
      expect(limits.filter((limit) => limit === 1)).toHaveLength(2);
    });
  });

  it('refuses what is no list', async () => {
    script = [json({ kind: 'ConfigMap', metadata: { name: 'a' } })];
    await expect(listAll(api, CONFIG_MAPS, {})).rejects.toMatchObject({ kind: 'malformed' });
  });
});
