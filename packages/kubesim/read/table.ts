import type { ApiObject } from '../object.ts';
import type { ResourceDef } from '../resources/definition.ts';
import type { Accept } from '../server/media.ts';
import { type Column, columnsOf } from './columns.ts';
import { partialOf } from './encode.ts';

export interface TableForm {
  accept: Accept;
  meta: object;
  includeObject?: string | null | undefined;
  /** kcp's endpoints show the name alone where a resource has no printer columns. */
  viaEndpoint?: boolean | undefined;
  /** Later events of a watch leave the columns out. */
  withoutColumns?: boolean;
}

/** Objects as the Table that `kubectl get` prints. */
export function tableOf(items: ApiObject[], def: ResourceDef, form: TableForm): Record<string, unknown> {
  const columns = columnsOf(def).filter(
    (column) => !form.viaEndpoint || def.printerColumns?.length || column.name === 'Name',
  );
  return {
    kind: 'Table',
    apiVersion: `meta.k8s.io/${form.accept.version}`,
    metadata: form.meta,
    columnDefinitions: form.withoutColumns ? null : columns.map(definitionOf),
    rows: items.map((item) => ({
      cells: columns.map((column) => column.cell(item)),
      ...objectPart(item, form),
    })),
  };
}

const definitionOf = ({ name, type, format, description, priority }: Column) => ({
  name,
  type,
  format,
  description,
  priority,
});

function objectPart(item: ApiObject, form: TableForm): { object?: unknown } {
  if (form.includeObject === 'None') return { object: null };
  return { object: form.includeObject === 'Object' ? item : partialOf(item, form.accept.version) };
}
