import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { missingRule, READING, rightOf, rightsHint } from './rights.ts';

const key = { group: 'apps', resource: 'deployments', name: 'web' };
const objectPath = '/apis/apps/v1/namespaces/shop/deployments/web';
const listPath = '/apis/apps/v1/deployments?limit=500';
const resource = { group: 'apps', resource: 'deployments' };
const merge = 'application/merge-patch+json';

describe('rightOf', () => {
  it.each([
    ['a read', { method: 'GET', path: objectPath, key }, ['get'], undefined],
    [
      'a creation',
      { method: 'POST', path: '/apis/apps/v1/namespaces/shop/deployments?a=b', key },
      ['create'],
      undefined,
    ],
    ['a merge patch', { method: 'PATCH', path: `${objectPath}?a=b`, key, contentType: merge }, ['patch'], undefined],
    [
      'an apply, which creates what is absent',
      { method: 'PATCH', path: objectPath, key, contentType: 'application/apply-patch+yaml' },
      ['create', 'patch'],
      undefined,
    ],
    ['a write of status', { method: 'PATCH', path: `${objectPath}/status?a=b`, key }, ['patch'], 'status'],
    ['a deletion', { method: 'DELETE', path: objectPath, key }, ['delete'], undefined],
    ['a list', { method: 'GET', path: listPath, resource }, ['list'], undefined],
    ['what a relay reads', { method: 'GET', path: listPath, resource, verbs: READING }, ['list', 'watch'], undefined],
  ])('of %s', (_name, call, verbs, subresource) => {
    expect(rightOf(call)).toEqual({ ...resource, verbs, ...(subresource ? { subresource } : {}) });
  });

  it('is not taken from the name of an object that is called like a subresource', () => {
    const status = { ...key, name: 'status' };
    const path = '/apis/apps/v1/namespaces/shop/deployments/status';
    expect(rightOf({ method: 'GET', path, key: status })).toEqual({ ...resource, verbs: ['get'] });
  });

  it('is unknown without a resource', () => {
    expect(rightOf({ method: 'GET', path: '/version' })).toBeUndefined();
  });
});

describe('missingRule', () => {
  it('is a ClusterRole that can be applied', () => {
    expect(parse(missingRule({ ...resource, verbs: READING }))).toEqual({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: 'tmc-deployments.apps-list-watch' },
      rules: [{ apiGroups: ['apps'], resources: ['deployments'], verbs: ['list', 'watch'] }],
    });
  });

  it('names the core group and subresources as RBAC does', () => {
    const { rules } = parse(
      missingRule({ group: '', resource: 'services', subresource: 'status', verbs: ['patch'] }),
    ) as { rules: unknown };
    expect(rules).toEqual([{ apiGroups: [''], resources: ['services/status'], verbs: ['patch'] }]);
  });
});

describe('rightsHint', () => {
  const right = { group: '', resource: 'configmaps', verbs: READING };
  /** The YAML at the end of a hint. */
  const roleIn = (hint: string) => parse(hint.slice(hint.indexOf('apiVersion:'))) as { rules: unknown[] };

  it('on a plain server is the rule', () => {
    const hint = rightsHint(right, 'https://member:6443', '/api/v1/configmaps');
    expect(roleIn(hint).rules).toEqual([{ apiGroups: [''], resources: ['configmaps'], verbs: ['list', 'watch'] }]);
    expect(hint).not.toMatch(/kcp|workspace/);
  });

  it('at an export endpoint of kcp is the content of the export, and the claim', () => {
    const hint = rightsHint(right, 'https://kcp/services/apiexport/2x/tmc.kcp.io', '/clusters/*/api/v1/configmaps');
    expect(roleIn(hint).rules).toEqual([
      {
        apiGroups: ['apis.kcp.io'],
        resources: ['apiexports/content'],
        resourceNames: ['tmc.kcp.io'],
        verbs: ['list', 'watch'],
      },
    ]);
    expect(hint).toMatch(/claim configmaps.*permissionClaims/s);
  });

  it('in a workspace of kcp names the workspace and the maximal permission policy', () => {
    const slices = { group: 'apis.kcp.io', resource: 'apiexportendpointslices', verbs: ['get'] };
    const hint = rightsHint(
      slices,
      'https://kcp',
      '/clusters/root:tmc/apis/apis.kcp.io/v1alpha1/apiexportendpointslices/x',
    );
    expect(hint).toMatch(/in workspace root:tmc.*maximal permission policy.*apis\.kcp\.io:binding:/s);
    expect(roleIn(hint).rules).toEqual([
      { apiGroups: ['apis.kcp.io'], resources: ['apiexportendpointslices'], verbs: ['get'] },
    ]);
  });
});
