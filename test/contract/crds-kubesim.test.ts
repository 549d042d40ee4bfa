/** Our CRDs on the simulator: established, the samples of the guides accepted, columns filled. What it does not check, `test/real` does. */
import { request } from 'node:https';
import { crds } from '@tmc/apis/crd.ts';
import { KINDS } from '@tmc/apis/kinds/all.ts';
import { type Kubesim, startKubesim } from '@tmc/kubesim/index.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../real/plain-api-server.ts';
import { SAMPLES } from '../real/samples.ts';

const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io';

type Answer = { status: number; body: Record<string, unknown> };
let sim: Kubesim;

const pathOf = (kind: string) => {
  const resource = KINDS.find((k) => k.resource.kind === kind)?.resource;
  return `/apis/${resource?.group}/${resource?.version}/${resource?.resource}`;
};

function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const authorization = `Bearer ${sim.adminToken}`;
    const contentType = { 'content-type': 'application/json' };
    const options = { method, ca: sim.caPem, headers: { authorization, ...contentType, ...headers }, agent: false };
    const req = request(sim.url + path, options, (res) => {
      let text = '';
      res.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      res.on('end', () => resolve({ status: res.statusCode ?? 0, body: JSON.parse(text) }));
    });
    req.on('error', reject);
    req.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

beforeAll(async () => {
  sim = await startKubesim({ kind: 'kube', http1: true });
});
afterAll(async () => {
  await sim?.close();
});

describe('our kinds on the simulator', () => {
  it('are established, accept the samples and show their columns', async () => {
    for (const crd of crds()) {
      expect((await call('POST', CRDS, crd)).status, crd.metadata.name).toBe(201);
      await until(`${crd.metadata.name} established`, async () => {
        const { body } = await call('GET', `${CRDS}/${crd.metadata.name}`);
        const { conditions } = (body['status'] ?? {}) as { conditions?: { type: string; status: string }[] };
        return conditions?.find((c) => c.type === 'Established' && c.status === 'True');
      });
    }
    for (const sample of SAMPLES) {
      const { status, body } = await call('POST', pathOf(sample.kind), sample);
      expect(status, `${sample.kind} ${sample.metadata.name}: ${body['message']}`).toBe(201);
    }
    const { body } = await call('GET', pathOf('SyncTarget'), undefined, { accept: TABLE });
    const { columnDefinitions, rows } = body as { columnDefinitions: { name: string }[]; rows: { cells: unknown[] }[] };
    const names = columnDefinitions.map((column) => column.name);
    expect(names.slice(0, 5)).toEqual(['Name', 'Location', 'Ready', 'Key', 'Age']);
    const cells = rows.map((row) => [
      row.cells[0],
      row.cells[names.indexOf('Location')],
      row.cells[names.indexOf('Mode')],
    ]);
    expect(cells).toContainEqual(['west-target', 'us-west-2', 'push']);
    expect(cells).toContainEqual(['east-target', 'us-east-1', 'push']);
  });
});
