import { isDeepStrictEqual } from 'node:util';
import type { StatusCause } from '../api-error.ts';
import { type ApiObject, isRecord, recordAt } from '../object.ts';

const required = (field: string, message = 'Required value'): StatusCause => ({
  reason: 'FieldValueRequired',
  field,
  message,
});
const invalid = (field: string, message: string): StatusCause => ({ reason: 'FieldValueInvalid', field, message });
const records = (value: unknown): Record<string, unknown>[] => (Array.isArray(value) ? value.filter(isRecord) : []);

/** What real servers check of built-in objects beyond types: as far as clients of workloads meet it. */
export function builtinCauses(storage: string, next: ApiObject, old: ApiObject | undefined): StatusCause[] {
  switch (storage) {
    case 'deployments.apps':
      return workloadCauses(next, old);
    case 'services.core':
      return serviceCauses(next);
    case 'leases.coordination.k8s.io':
      return leaseCauses(next);
    case 'events.core':
      return eventCauses(next);
    default:
      return [];
  }
}

function workloadCauses(next: ApiObject, old: ApiObject | undefined): StatusCause[] {
  const spec = recordAt(next, 'spec');
  const template = recordAt(spec, 'template');
  const causes = podCauses(recordAt(template, 'spec'), 'spec.template.spec');
  const selector = spec['selector'];
  if (!isRecord(selector) || Object.keys(selector).length === 0) causes.push(required('spec.selector'));
  else {
    const labels = recordAt(recordAt(template, 'metadata'), 'labels');
    const matches = Object.entries(recordAt(selector, 'matchLabels')).every(([key, value]) => labels[key] === value);
    if (!matches)
      causes.push(
        invalid(
          'spec.template.metadata.labels',
          `Invalid value: ${JSON.stringify(labels)}: \`selector\` does not match template \`labels\``,
        ),
      );
    if (old && !isDeepStrictEqual(recordAt(old, 'spec')['selector'], selector))
      causes.push(invalid('spec.selector', 'Invalid value: field is immutable'));
  }
  if (Number(spec['replicas'] ?? 0) < 0)
    causes.push(invalid('spec.replicas', 'Invalid value: must be greater than or equal to 0'));
  return causes;
}

function podCauses(spec: Record<string, unknown>, path: string): StatusCause[] {
  const containers = records(spec['containers']);
  if (!containers.length) return [required(`${path}.containers`)];
  return containers.flatMap((container, at) =>
    ['name', 'image']
      .filter((field) => !container[field])
      .map((field) => required(`${path}.containers[${at}].${field}`)),
  );
}

function serviceCauses(next: ApiObject): StatusCause[] {
  const spec = recordAt(next, 'spec');
  const ports = records(spec['ports']);
  if (ports.length === 0)
    return spec['clusterIP'] === 'None' || spec['type'] === 'ExternalName' ? [] : [required('spec.ports')];
  return ports.flatMap((port, at) => {
    const number = Number(port['port']);
    return number >= 1 && number <= 65_535
      ? []
      : [invalid(`spec.ports[${at}].port`, 'Invalid value: must be between 1 and 65535, inclusive')];
  });
}

function leaseCauses(next: ApiObject): StatusCause[] {
  const seconds = recordAt(next, 'spec')['leaseDurationSeconds'];
  return seconds === undefined || Number(seconds) > 0
    ? []
    : [invalid('spec.leaseDurationSeconds', 'Invalid value: must be greater than 0')];
}

function eventCauses(next: ApiObject): StatusCause[] {
  const about = recordAt(next, 'involvedObject')['namespace'] ?? 'default';
  return about === next.metadata.namespace
    ? []
    : [invalid('involvedObject.namespace', 'Invalid value: does not match event.namespace')];
}
