import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Kubesim, startKubesim } from '@tmc/kubesim/index.ts';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { runInstall } from './install.ts';

let folder = '';
let server: Kubesim | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tmc-install-'));
});
afterEach(async () => {
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function hubOf(kind: 'kube' | 'kcp'): Promise<string> {
  server = await startKubesim({ kind });
  const path = join(folder, 'hub.kubeconfig');
  writeFileSync(path, server.kubeconfig());
  return path;
}

it('installs our kinds in a plain API server, and changes nothing the second time', async () => {
  const hub = await hubOf('kube');
  expect(await runInstall({ hub })).toContain('our kinds are installed');
  const written = server?.store.revision;
  await runInstall({ hub });
  expect(server?.store.revision).toBe(written);
});

it('makes the export of a kcp hub', async () => {
  const hub = await hubOf('kcp');
  const text = await runInstall({ hub, export: 'root:tmc/tmc.kcp.io' });
  expect(text).toContain('the APIExport tmc.kcp.io in root:tmc');
  await expect(runInstall({ hub, export: 'tmc.kcp.io' })).rejects.toThrow('--export is "tmc.kcp.io"');
});
