import type { StatusCause } from '../api-error.ts';
import { type ApiObject, isRecord, recordAt } from '../object.ts';
import { structuralCauses } from '../schema/structural.ts';

/** What is wrong with a CustomResourceDefinition: its name, versions and schemas. */
export function definitionCauses(definition: ApiObject): StatusCause[] {
  const spec = recordAt(definition, 'spec');
  const names = recordAt(spec, 'names');
  const versions = Array.isArray(spec['versions']) ? spec['versions'].filter(isRecord) : [];
  const expected = `${names['plural']}.${spec['group']}`;
  const causes: StatusCause[] = [];
  if (definition.metadata.name !== expected)
    causes.push({
      reason: 'FieldValueInvalid',
      field: 'metadata.name',
      message: `Invalid value: "${definition.metadata.name}": must be spec.names.plural+"."+spec.group`,
    });
  if (versions.filter((version) => version['storage'] === true).length !== 1) causes.push(...STORAGE_CAUSES);
  return [...causes, ...versions.flatMap((version, at) => schemaCauses(version, { at, only: versions.length === 1 }))];
}

const STORAGE_CAUSES: StatusCause[] = [
  {
    reason: 'FieldValueInvalid',
    field: 'spec.versions',
    message: 'Invalid value: must have exactly one version marked as storage version',
  },
  {
    reason: 'FieldValueInvalid',
    field: 'status.storedVersions',
    message: 'Invalid value: must have at least one stored version',
  },
];

/** Real servers name the schema of an only version by its place in the older form of definitions. */
function schemaCauses(version: Record<string, unknown>, { at, only }: { at: number; only: boolean }): StatusCause[] {
  const schema = recordAt(version, 'schema')['openAPIV3Schema'];
  const path = `spec.versions[${at}].schema.openAPIV3Schema`;
  if (!isRecord(schema))
    return [{ reason: 'FieldValueRequired', field: path, message: 'Required value: schemas are required' }];
  return structuralCauses(schema, only ? 'spec.validation.openAPIV3Schema' : path);
}
