import { apiExport, apiResourceSchemas } from '@tmc/apis/export.ts';
import { HUB_RESOURCES } from '@tmc/apis/resources.ts';
import { formatGroupResource } from '@tmc/kernel/key.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import { describe, expect, it } from 'vitest';
import { resourcesOf } from './kcp-export.ts';

const BINDINGS = 'apibindings.apis.kcp.io';

function namesOf(spec: object): string[] {
  const object = { apiVersion: 'apis.kcp.io/v1alpha2', kind: 'APIExport', metadata: { name: 'x' }, spec };
  return resourcesOf(object as KubeObject).map(formatGroupResource);
}

describe('resourcesOf', () => {
  it('our own export is everything this version reads', () => {
    const names = resourcesOf(apiExport(apiResourceSchemas())).map(formatGroupResource);
    expect(names).toEqual([...HUB_RESOURCES.map(formatGroupResource), BINDINGS]);
  });

  it.each([
    ['nothing but bindings for an empty export', {}, []],
    [
      'exported kinds, and no kinds this version does not handle',
      {
        resources: [
          { group: 'apps', name: 'deployments' },
          { group: 'x.io', name: 'things' },
        ],
      },
      ['deployments.apps'],
    ],
    [
      'claims that may be listed and watched, and no others',
      {
        permissionClaims: [
          { group: '', resource: 'configmaps', verbs: ['get', 'list', 'watch'] },
          { resource: 'namespaces', verbs: ['*'] },
          { group: '', resource: 'secrets', verbs: ['get', 'list'] },
          { group: '', resource: 'events', verbs: ['*'] },
        ],
      },
      ['namespaces', 'configmaps'],
    ],
  ])('%s', (_name, spec, names) => {
    expect(namesOf(spec)).toEqual([...names, BINDINGS]);
  });
});
