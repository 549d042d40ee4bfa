import { describe, expect, it } from 'vitest';
import { crds } from './crd.ts';
import { KINDS } from './kinds/all.ts';

type Version = {
  subresources: unknown;
  additionalPrinterColumns: { name: string; jsonPath: string; priority?: number }[];
  schema: { openAPIV3Schema: Schema };
};
type Schema = { properties?: Record<string, Schema>; items?: Schema };
const crdOf = (kind: string) => {
  const found = crds().find((crd) => (crd.spec as { names: { kind: string } }).names.kind === kind);
  return found?.spec as { scope: string; names: { shortNames?: string[]; categories: string[] }; versions: [Version] };
};

/** Follows a column's path through the schema; filters and escaped label keys end the walk. */
function leadsSomewhere(schema: Schema, jsonPath: string): boolean {
  const parts = jsonPath
    .replace(/\[\?.*$/, '')
    .split('.')
    .slice(1);
  if (parts[0] === 'metadata') return true;
  let node: Schema | undefined = schema;
  for (const part of parts) node = node?.properties?.[part];
  return node !== undefined;
}

describe('CRDs', () => {
  it("are cluster-scoped, have a status and the project's categories", () => {
    for (const { resource } of KINDS) {
      const { scope, names, versions } = crdOf(resource.kind);
      expect(scope, resource.kind).toBe('Cluster');
      expect(names.categories).toEqual(['tmc', 'kcp']);
      expect(versions[0].subresources).toEqual({ status: {} });
    }
    expect(crdOf('ClusterRegistration').names.shortNames).toEqual(['cr']);
    expect(crdOf('WorkloadPlacement').names.shortNames).toEqual(['wp']);
  });

  it('every column and every rule names a field that exists', () => {
    for (const kind of KINDS) {
      const [version] = crdOf(kind.resource.kind).versions;
      const schema = version.schema.openAPIV3Schema;
      for (const column of version.additionalPrinterColumns) {
        expect(leadsSomewhere(schema, column.jsonPath), `${kind.resource.kind} ${column.jsonPath}`).toBe(true);
      }
      for (const { field } of kind.rules) {
        expect(leadsSomewhere(schema, `.spec.${field}`), `${kind.resource.kind} ${field}`).toBe(true);
      }
    }
  });

  it('two calls give equal texts and share nothing', () => {
    const first = crds();
    expect(JSON.stringify(crds())).toBe(JSON.stringify(first));
    first[0]!.metadata.name = 'changed';
    expect(crds()[0]?.metadata.name).toBe('synctargets.workload.kcp.io');
  });
});
