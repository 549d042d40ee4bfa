import type { JsonObject, KubeObject } from '@tmc/kernel/object.ts';
import { KINDS } from './kinds/all.ts';
import type { KindDefinition, PrinterColumn } from './kinds/kind.ts';
import { type StructuralSchema, structuralSchema } from './structural.ts';

/** CustomResourceDefinitions of all our kinds, for a plain API server as hub. */
export function crds(): KubeObject[] {
  return KINDS.map(crd);
}

/** The CustomResourceDefinition of one kind. */
function crd(kind: KindDefinition): KubeObject {
  const { group, resource, version, namespaced } = kind.resource;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${resource}.${group}` },
    spec: {
      group,
      scope: namespaced ? 'Namespaced' : 'Cluster',
      names: names(kind),
      versions: [{ ...servedVersion(kind), name: version, schema: { openAPIV3Schema: kindSchema(kind) } }],
    },
  };
}

/** Names of a kind as CRDs and APIResourceSchemas carry them. */
export function names(kind: KindDefinition): JsonObject {
  return {
    plural: kind.resource.resource,
    singular: kind.singular,
    kind: kind.resource.kind,
    listKind: `${kind.resource.kind}List`,
    ...(kind.shortNames.length > 0 ? { shortNames: [...kind.shortNames] } : {}),
    categories: ['tmc', 'kcp'],
  };
}

/** What CRDs and APIResourceSchemas say alike of the version that is served. */
export function servedVersion(kind: KindDefinition): JsonObject {
  return {
    served: true,
    storage: true,
    subresources: { status: {} },
    additionalPrinterColumns: kind.columns.map((column: PrinterColumn) => ({ ...column })),
  };
}

/** The structural schema of a whole object of a kind: spec with its rules, status, and what the server itself checks. */
export function kindSchema(kind: KindDefinition): StructuralSchema {
  const spec = structuralSchema(kind.spec);
  if (kind.rules.length > 0) {
    spec['x-kubernetes-validations'] = kind.rules.map(({ cel, message, field }) => ({
      rule: cel,
      message,
      fieldPath: `.${field}`,
    }));
  }
  if (!kind.specRequired) spec['default'] = {};
  return {
    type: 'object',
    description: kind.description,
    ...(kind.specRequired ? { required: ['spec'] } : {}),
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { type: 'object' },
      spec,
      status: structuralSchema(kind.status),
    },
  };
}
