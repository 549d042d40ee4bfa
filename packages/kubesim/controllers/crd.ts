import { type ApiObject, isRecord, recordAt, withMeta } from '../object.ts';
import {
  ALL_VERBS,
  type OpenApiSchema,
  type PrinterColumn,
  type ResourceDef,
  type ScalePaths,
  storageOf,
} from '../resources/definition.ts';
import type { Sim } from '../server/context.ts';
import type { StoreEvent } from '../store/store.ts';

const CRDS = 'customresourcedefinitions.apiextensions.k8s.io';
const CLEANUP = 'customresourcecleanup.apiextensions.k8s.io';

const strings = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);
const records = (value: unknown): Record<string, unknown>[] => (Array.isArray(value) ? value.filter(isRecord) : []);

/** The resources a definition serves, one per served version. Also reads APIResourceSchemas, which share the shape. */
export function resourcesOf(definition: ApiObject, storage?: string): ResourceDef[] {
  const spec = recordAt(definition, 'spec');
  const names = recordAt(spec, 'names');
  const group = String(spec['group'] ?? '');
  const plural = String(names['plural']);
  const versions = records(spec['versions']);
  const stored = versions.find((version) => version['storage'] === true) ?? versions[0];
  return versions
    .filter((version) => version['served'] === true)
    .map((version) => ({
      group,
      version: String(version['name']),
      plural,
      singular: String(names['singular'] ?? String(names['kind']).toLowerCase()),
      kind: String(names['kind']),
      listKind: String(names['listKind'] ?? `${names['kind']}List`),
      namespaced: spec['scope'] === 'Namespaced',
      shortNames: strings(names['shortNames']),
      categories: strings(names['categories']),
      verbs: ALL_VERBS,
      storage: storage ?? storageOf(group, plural),
      storageVersion: String(stored?.['name'] ?? ''),
      custom: true,
      ...schemaParts(version),
    }));
}

function schemaParts(version: Record<string, unknown>) {
  const schema = recordAt(version, 'schema');
  const subresources = recordAt(version, 'subresources');
  const openApi = (isRecord(schema['openAPIV3Schema']) ? schema['openAPIV3Schema'] : schema) as OpenApiSchema;
  return {
    status: isRecord(subresources['status']),
    schema: openApi,
    printerColumns: records(version['additionalPrinterColumns']) as unknown as PrinterColumn[],
    ...(isRecord(subresources['scale']) ? { scale: subresources['scale'] as unknown as ScalePaths } : {}),
  };
}

/** Serves what CustomResourceDefinitions define; a deleted definition takes its objects along. */
export function runDefinitionController(sim: Sim): () => void {
  return sim.store.subscribe(CRDS, (event) => {
    if (event.type === 'DELETED') return sim.registry.define(event.cluster, event.name, []);
    if (event.obj.metadata.deletionTimestamp) return cleanUp(sim, event);
    sim.registry.define(event.cluster, event.name, resourcesOf(event.obj));
    const established = accepted(sim, event.obj);
    if (established) sim.store.put(event, established);
  });
}

/** The definition with the status and finalizer its controller gives it; undefined when it has them. */
function accepted(sim: Sim, definition: ApiObject): ApiObject | undefined {
  const spec = recordAt(definition, 'spec');
  const versions = records(spec['versions']);
  const stored = versions.filter((version) => version['storage'] === true).map((version) => String(version['name']));
  const status = recordAt(definition, 'status');
  const known = strings(status['storedVersions']);
  const storedVersions = [...known, ...stored.filter((version) => !known.includes(version))];
  const finalizers = definition.metadata.finalizers ?? [];
  const done =
    records(status['conditions']).length >= 2 && storedVersions.length === known.length && finalizers.includes(CLEANUP);
  if (done) return undefined;
  const lastTransitionTime = `${sim.clock.now().toISOString().slice(0, 19)}Z`;
  const condition = (type: string, reason: string, message: string) => ({
    type,
    status: 'True',
    lastTransitionTime,
    reason,
    message,
  });
  return withMeta(
    {
      ...definition,
      status: {
        conditions: [
          condition('NamesAccepted', 'NoConflicts', 'no conflicts found'),
          condition('Established', 'InitialNamesAccepted', 'the initial names have been accepted'),
        ],
        acceptedNames: spec['names'],
        storedVersions,
      },
    },
    { finalizers: finalizers.includes(CLEANUP) ? finalizers : [...finalizers, CLEANUP] },
  );
}

function cleanUp(sim: Sim, event: StoreEvent): void {
  const finalizers = event.obj.metadata.finalizers ?? [];
  if (!finalizers.includes(CLEANUP)) return;
  const storage = storageOf(
    String(recordAt(event.obj, 'spec')['group']),
    String(recordAt(recordAt(event.obj, 'spec'), 'names')['plural']),
  );
  for (const obj of sim.store.list(storage, { cluster: event.cluster })) {
    const { namespace = '', name = '' } = obj.metadata;
    sim.store.remove({ storage, cluster: event.cluster, namespace, name });
  }
  const left = finalizers.filter((name) => name !== CLEANUP);
  if (left.length) sim.store.put(event, withMeta(event.obj, { finalizers: left }));
  else sim.store.remove(event);
}
