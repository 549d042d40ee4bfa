import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { json, type ScriptedServer, startScriptedServer } from '../kube/scripted-server.ts';
import { connectHub, connectMembers } from './connect.ts';
import type { FleetHub } from './fleet.ts';

const SLICES = '/clusters/root:tmc/apis/apis.kcp.io/v1alpha1/apiexportendpointslices';
const WORKSPACE = /^\/clusters\/([^/]+)\/apis\/core\.kcp\.io\/v1alpha1\/logicalclusters\/cluster$/;

/** kcp as far as its workspaces are asked for. */
describe('workspaces of kcp', () => {
  let server: ScriptedServer;
  let hub: FleetHub;
  /** Paths of workspaces whose id was asked for, in order. */
  let asked: string[];
  let isDown: boolean;

  beforeEach(async () => {
    asked = [];
    isDown = false;
    server = await startScriptedServer((stream, headers) => {
      const path = String(headers[':path']);
      const workspace = WORKSPACE.exec(path)?.[1];
      if (workspace !== undefined) asked.push(workspace);
      if (isDown) return json({ kind: 'Status', reason: 'ServiceUnavailable' }, 503)(stream, headers);
      if (workspace === undefined) return json(path.startsWith(SLICES) ? slice : {})(stream, headers);
      const metadata = { name: 'cluster', annotations: { 'kcp.io/cluster': `id-of-${workspace}` } };
      json({ kind: 'LogicalCluster', metadata })(stream, headers);
    });
    const { connection } = server;
    const slice = {
      kind: 'APIExportEndpointSlice',
      metadata: { name: 'tmc.kcp.io', resourceVersion: '7' },
      status: { endpoints: [{ url: `${connection.url}/services/apiexport/2x/tmc.kcp.io` }] },
    };
    const plan = { connection, export: { workspace: 'root:tmc', name: 'tmc.kcp.io' }, epoch: 0 };
    hub = await connectHub({ kind: 'kcp', ...plan }, () => 0);
  });

  afterEach(async () => {
    await hub.close();
    await server.close();
  });

  it('are asked for once, however many members are in one', async () => {
    const plans = Array.from({ length: 30 }, (_, at) => ({
      name: `member-${at}`,
      connection: server.connection,
      syncTarget: { workspace: at % 2 === 0 ? 'root:even' : 'root:odd', name: `member-${at}` },
      epoch: 0,
    }));
    const connected = await connectMembers(plans, { hub, clock: () => 0 });
    expect(asked.sort()).toEqual(['root:even', 'root:odd']);
    expect(connected.members.slice(0, 2).map(({ syncTarget }) => syncTarget.workspace)).toEqual([
      'id-of-root:even',
      'id-of-root:odd',
    ]);
    expect(hub.workspaceName('id-of-root:even')).toBe('even');
    connected.close();
  });

  it('are asked for again after a failure', async () => {
    isDown = true;
    const both = [hub.workspaceId('root:even'), hub.workspaceId('root:even')];
    await Promise.all(both.map((one) => expect(one).rejects.toMatchObject({ kind: 'retry' })));
    isDown = false;
    expect(await hub.workspaceId('root:even')).toBe('id-of-root:even');
    expect(asked).toEqual(['root:even', 'root:even']);
  });
});
