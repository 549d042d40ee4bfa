import { isDeepStrictEqual } from 'node:util';
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
import type { ObjectRef } from '../store/store.ts';
import { dropOrMark } from './namespace.ts';
import { timestampOf } from './time.ts';

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

/** A real server ends watches of a kind so long after its definition changed or went. */
const WATCHES_END_MS = 1000;

/**
 * Serves what CustomResourceDefinitions define. One whose spec changes is served anew: watches end. A deleted one deletes its
 * objects first and waits for those that a finalizer holds.
 */
export function runDefinitionController(sim: Sim): () => void {
  /** Definitions that wait, by the storage of their objects. */
  const waiting = new Map<string, ObjectRef>();
  const keyOf = (storage: string, cluster: string) => `${cluster}|${storage}`;
  const stops = [
    sim.store.subscribe(CRDS, (event) => {
      const place = { storage: storedAt(event.obj), cluster: event.cluster };
      if (event.type === 'DELETED') {
        waiting.delete(keyOf(place.storage, place.cluster));
        sim.registry.define(event.cluster, event.name, []);
        return sim.serving.renew(place, WATCHES_END_MS);
      }
      if (event.obj.metadata.deletionTimestamp) {
        waiting.set(keyOf(place.storage, place.cluster), event);
        return cleanUp(sim, event);
      }
      sim.registry.define(event.cluster, event.name, resourcesOf(event.obj));
      if (event.prev && !isDeepStrictEqual(event.prev['spec'], event.obj['spec']))
        sim.serving.renew(place, WATCHES_END_MS);
      const established = accepted(sim, event.obj);
      if (established) sim.store.put(event, established);
    }),
    sim.store.subscribe(undefined, ({ type, storage, cluster }) => {
      const definition = type === 'DELETED' ? waiting.get(keyOf(storage, cluster)) : undefined;
      if (definition) setImmediate(() => cleanUp(sim, definition));
    }),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

/** Where the objects of a definition are kept. */
function storedAt(definition: ApiObject): string {
  const spec = recordAt(definition, 'spec');
  return storageOf(String(spec['group']), String(recordAt(spec, 'names')['plural']));
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

function cleanUp(sim: Sim, place: ObjectRef): void {
  const definition = sim.store.get(place);
  const finalizers = definition?.metadata.finalizers ?? [];
  if (!definition || !finalizers.includes(CLEANUP)) return;
  const storage = storedAt(definition);
  let left = 0;
  for (const { metadata } of sim.store.list(storage, { cluster: place.cluster }))
    left += dropOrMark(sim, {
      storage,
      cluster: place.cluster,
      namespace: metadata.namespace ?? '',
      name: metadata.name ?? '',
    });
  const others = finalizers.filter((name) => name !== CLEANUP);
  if (left > 0) markTerminating(sim, place, definition);
  else if (others.length) sim.store.put(place, withMeta(definition, { finalizers: others }));
  else sim.store.remove(place);
}

function markTerminating(sim: Sim, place: ObjectRef, definition: ApiObject): void {
  const status = recordAt(definition, 'status');
  const conditions = records(status['conditions']);
  if (conditions.some(({ type }) => type === 'Terminating')) return;
  const terminating = {
    type: 'Terminating',
    status: 'True',
    lastTransitionTime: timestampOf(sim),
    reason: 'InstanceDeletionInProgress',
    message: 'CustomResource deletion is in progress',
  };
  sim.store.put(place, { ...definition, status: { ...status, conditions: [...conditions, terminating] } });
}

/** Whether the definition behind a resource is being deleted, so that nothing new may be made of it. */
export function isEnding(sim: Sim, def: ResourceDef, cluster: string): boolean {
  const name = `${def.plural}.${def.group}`;
  return Boolean(sim.store.get({ storage: CRDS, cluster, namespace: '', name })?.metadata.deletionTimestamp);
}
