import { type ApiObject, isRecord } from '../object.ts';
import type { PrinterColumn, ResourceDef } from '../resources/definition.ts';
import { ageOf, BUILTIN_COLUMNS } from './builtin-columns.ts';
import { readJsonPath } from './json-path.ts';

export interface Column {
  name: string;
  type: string;
  format: string;
  description: string;
  priority: number;
  cell: (obj: ApiObject) => unknown;
}

/** A column of text; priority 1 shows only in wide output. */
const column = (name: string, cell: (obj: ApiObject) => unknown, priority = 0): Column => ({
  name,
  type: 'string',
  format: name === 'Name' ? 'name' : '',
  description: name,
  priority,
  cell,
});

const NAME = column('Name', (obj) => obj.metadata.name);
const AGE = column('Age', (obj) => ageOf(obj.metadata.creationTimestamp));
const CREATED_AT = column('Created At', (obj) => obj.metadata.creationTimestamp);

/** The columns of a resource: its printer columns, those kubectl users know of built-in types, or name and age. */
export function columnsOf(def: ResourceDef): Column[] {
  if (def.printerColumns?.length) return [NAME, ...def.printerColumns.map(fromPrinterColumn)];
  const builtin = BUILTIN_COLUMNS[`${def.plural}.${def.group}`];
  if (builtin) {
    const columns = builtin.map(([name, cell, priority]) => column(name, cell, priority));
    return columns.some(({ name }) => name === 'Name') ? columns : [NAME, ...columns];
  }
  if (RBAC_PLAIN.has(def.plural) || def.plural === 'customresourcedefinitions') return [NAME, CREATED_AT];
  return [NAME, AGE];
}

const RBAC_PLAIN = new Set(['clusterroles', 'roles']);

function fromPrinterColumn(definition: PrinterColumn): Column {
  return {
    name: definition.name,
    type: definition.type,
    format: definition.format ?? '',
    description: definition.description ?? definition.name,
    priority: definition.priority ?? 0,
    cell: (obj) => cellValue(readJsonPath(obj, definition.jsonPath), definition.type),
  };
}

function cellValue(found: unknown, type: string): unknown {
  if (found === undefined || found === null) return null;
  if (type === 'date') return ageOf(String(found));
  if (type === 'string') return isRecord(found) || Array.isArray(found) ? JSON.stringify(found) : String(found);
  return found;
}
