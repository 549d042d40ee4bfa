import type { KubeObject } from '@tmc/kernel/object.ts';
import { describe, expect, it } from 'vitest';
import { acceptedClaims, apiExport, apiResourceSchemas, rbac, workspaceType } from './export.ts';
import { KINDS } from './kinds/all.ts';
import { SYNCED_RESOURCES } from './resources.ts';

type SchemaSpec = { group: string; names: { plural: string; listKind: string }; versions: { schema: unknown }[] };
const specOf = (schema: KubeObject) => schema['spec'] as SchemaSpec;

describe('the export', () => {
  it('schemas are named by content, with a prefix kcp accepts', () => {
    const schemas = apiResourceSchemas();
    expect(schemas).toHaveLength(KINDS.length + 2);
    for (const schema of schemas) {
      const { group, names } = specOf(schema);
      expect(schema.metadata.name).toMatch(/^v[0-9a-f]{12}\./);
      expect(schema.metadata.name.endsWith(`.${names.plural}.${group || 'core'}`)).toBe(true);
      expect(names.listKind).toMatch(/List$/);
    }
    expect(apiResourceSchemas().map((s) => s.metadata.name)).toEqual(schemas.map((s) => s.metadata.name));
  });

  it('no built-in schema carries a default that admission refuses, but for keys of list maps', () => {
    const refused: string[] = [];
    const walk = (node: unknown, path: string) => {
      if (typeof node !== 'object' || node === null) return;
      const { default: value } = node as { default?: unknown };
      const isMapKey = path.endsWith('imagePullSecrets.items.properties.name');
      if ((value === '' || value === 0 || value === null) && !isMapKey) refused.push(path);
      for (const [word, child] of Object.entries(node)) walk(child, `${path}.${word}`);
    };
    for (const schema of apiResourceSchemas().slice(KINDS.length))
      walk(specOf(schema).versions[0]?.schema, schema.metadata.name);
    expect(refused).toEqual([]);
  });

  it('offers every schema and reaches every other synced resource by a claim', () => {
    const schemas = apiResourceSchemas();
    const spec = apiExport(schemas).spec as {
      resources: { group: string; name: string; schema: string }[];
      permissionClaims: { group: string; resource: string; verbs: string[] }[];
    };
    expect(spec.resources.map((r) => r.schema)).toEqual(schemas.map((s) => s.metadata.name));
    const reached = [
      ...spec.resources.map((r) => `${r.group}/${r.name}`),
      ...spec.permissionClaims.map((c) => `${c.group}/${c.resource}`),
    ];
    for (const { group, resource } of SYNCED_RESOURCES) expect(reached).toContain(`${group}/${resource}`);
    for (const resource of ['namespaces', 'serviceaccounts', 'events']) expect(reached).toContain(`/${resource}`);
    expect(JSON.stringify(spec.permissionClaims)).not.toContain('clusterrole');
  });

  it('a binding accepts exactly what the export claims', () => {
    const claims = (apiExport([]).spec as { permissionClaims: { resource: string; verbs: string[] }[] })
      .permissionClaims;
    expect(acceptedClaims()).toEqual(
      claims.map((claim) => ({ ...claim, selector: { matchAll: true }, state: 'Accepted' })),
    );
  });

  it('tenants may read but not write any status', () => {
    const roles = rbac({ name: 'tmc', namespace: 'default' }).filter((object) => object.kind === 'ClusterRole');
    const maximal = roles.find((role) => role.metadata.name === 'tmc-maximal');
    const rules = maximal?.['rules'] as { resources: string[]; verbs: string[] }[];
    const status = rules.filter((rule) => rule.resources.some((resource) => resource.endsWith('/status')));
    expect(status.flatMap((rule) => rule.resources)).toContain('synctargets/status');
    for (const rule of status) expect(rule.verbs).toEqual(['get', 'list', 'watch']);
    expect(rules.every((rule) => !rule.resources.includes('*'))).toBe(true);
  });

  it("the tenants' workspace type binds the export of the workspace it is told", () => {
    expect(workspaceType({ workspace: 'root:x', name: 'y' })['spec']).toMatchObject({
      defaultAPIBindings: [{ path: 'root:x', export: 'y' }],
    });
  });
});
