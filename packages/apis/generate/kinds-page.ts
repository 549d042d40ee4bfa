import type { JsonObject } from '@tmc/kernel/object.ts';
import { kindSchema } from '../crd.ts';
import { KINDS } from '../kinds/all.ts';
import type { KindDefinition } from '../kinds/kind.ts';

const HEAD = `# Kinds

Written by \`packages/apis/generate/kinds-reference.ts\` from the schemas; do not edit. Fields not listed here are dropped by the API server.
All kinds are cluster-scoped, have a status subresource and belong to the categories \`tmc\` and \`kcp\` (\`kubectl get tmc\`).
`;

/** The reference page of all kinds as Markdown. */
export function kindsPage(): string {
  return `${[HEAD, ...KINDS.map(kindSection)].join('\n')}`;
}

function kindSection(kind: KindDefinition): string {
  const { group, version, resource, kind: name } = kind.resource;
  const schema = kindSchema(kind)['properties'] as Record<string, JsonObject>;
  const short = kind.shortNames.length > 0 ? `, short name \`${kind.shortNames.join('`, `')}\`` : '';
  return [
    `## ${name}`,
    '',
    `\`${group}/${version}\`, \`${resource}\`${short}. ${kind.description}`,
    '',
    ...fieldTable('spec', schema['spec'] ?? {}),
    ...fieldTable('status', schema['status'] ?? {}),
    ...ruleList(kind),
    `Columns: ${kind.columns.map((c) => (c.priority ? `${c.name} (wide)` : c.name)).join(', ')}.`,
    '',
  ].join('\n');
}

function fieldTable(root: string, schema: JsonObject): string[] {
  return [`| ${root} | type | default | meaning |`, '|---|---|---|---|', ...rows(schema, ''), ''];
}

/** One row a field, depth first; the members of lists and maps follow as `list[].field` and `map.<key>`. */
function rows(schema: JsonObject, prefix: string): string[] {
  const required = (schema['required'] ?? []) as string[];
  return Object.entries((schema['properties'] ?? {}) as Record<string, JsonObject>).flatMap(([name, field]) => {
    const path = `${prefix}${name}`;
    const cells = [`\`${path}\``, typeText(field), defaultText(field, required.includes(name)), meaning(field)];
    return [`| ${cells.join(' | ')} |`, ...children(field, path)];
  });
}

function children(field: JsonObject, path: string): string[] {
  const items = field['items'] as JsonObject | undefined;
  if (isConditions(field) || isSelector(items ?? field)) return [];
  return items ? rows(items, `${path}[].`) : rows(field, `${path}.`);
}

function typeText(field: JsonObject): string {
  if (field['x-kubernetes-int-or-string']) return 'quantity';
  if (isSelector(field)) return 'label selector';
  if (isConditions(field)) return 'conditions';
  if (field['enum']) return (field['enum'] as string[]).map((value) => `\`${value}\``).join(', ');
  if (field['format'] === 'date-time') return 'time';
  if (field['items']) return `list of ${typeText(field['items'] as JsonObject)}`;
  const values = field['additionalProperties'];
  return typeof values === 'object' && values ? `map to ${typeText(values as JsonObject)}` : String(field['type']);
}

function defaultText(field: JsonObject, isRequired: boolean): string {
  if (isRequired) return 'required';
  const value = field['default'];
  if (value === undefined || value === '' || typeof value === 'object') return '';
  return `\`${String(value)}\``;
}

function meaning(field: JsonObject): string {
  return String(field['description'] ?? '').replaceAll('|', '\\|');
}

/** `metav1.LabelSelector` and nothing more, which the reader knows. */
function isSelector(field: JsonObject): boolean {
  return Object.keys((field['properties'] ?? {}) as JsonObject).join() === 'matchLabels,matchExpressions';
}

function isConditions(field: JsonObject): boolean {
  return String(field['x-kubernetes-list-map-keys'] ?? '') === 'type';
}

function ruleList(kind: KindDefinition): string[] {
  if (kind.rules.length === 0) return [];
  return ['Refused at once:', '', ...kind.rules.map((rule) => `- \`spec.${rule.field}\`: ${rule.message}.`), ''];
}
