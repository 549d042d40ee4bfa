import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { areasOf, SETS } from './checker.ts';

const README = resolve(import.meta.dirname, '../../packages/kubesim/README.md');
const TABLE = /(<!-- fidelity: .*? -->\n)([\s\S]*?)(<!-- end of fidelity -->)/;

/** What each area of the recordings is about, in the order of the table. */
const AREAS: Readonly<Record<string, string>> = {
  'kube-writes': 'create, PUT, patches, delete, dry run, field validation',
  'kube-apply': 'server-side apply and field ownership',
  'kube-list': 'lists, chunks, selectors',
  'kube-watch': 'watch, bookmarks, WatchList',
  'kube-resource-version': 'resourceVersion semantics, 410',
  'kube-lifecycle': 'status, generation, finalizers, namespaces, garbage, events, leases',
  'kube-crd': 'custom resources: schema, CEL, subresources, columns',
  'kube-auth': 'authentication, RBAC, reviews, tokens',
  'kube-representations': 'metadata only, Table, discovery, OpenAPI, errors',
  'kube-calls': 'every call that the adapters make (our own recordings)',
  'kube-cluster-calls': 'the same about objects without a namespace (our own recordings)',
  'kcp-00-setup': 'workspaces, exports, bindings from scratch',
  'kcp-01-wildcard': 'all tenants at once: list, watch, WatchList, 410',
  'kcp-02-tenants': 'tenants by id and path, access, discovery',
  'kcp-03-writes': 'writes through an export endpoint',
  'kcp-04-claims': 'permission claims',
  'kcp-05-lifecycle': 'bindings, endpoint slices, workspaces coming and going',
};

/** Scenarios that a run of each set found to agree. */
export type Passed = Readonly<Record<keyof typeof SETS, ReadonlySet<string>>>;

/** The table of the simulator's README. @throws Error for an area without a description */
export function fidelityTable(passed: Passed): string {
  const rows = (['kube', 'own', 'kcp'] as const).flatMap((set) =>
    [...areasOf(SETS[set])].map(([area, names]) => ({
      area,
      of: names.length,
      held: names.filter((n) => passed[set].has(n)).length,
    })),
  );
  const order = Object.keys(AREAS);
  const unknown = rows.find(({ area }) => !order.includes(area));
  if (unknown) throw new Error(`describe the area ${unknown.area} in ${import.meta.filename}`);
  const sorted = rows.sort((a, b) => order.indexOf(a.area) - order.indexOf(b.area));
  const total = (server: string) => {
    const some = rows.filter(({ area }) => area.startsWith(server));
    return `${some.reduce((sum, { held }) => sum + held, 0)} / ${some.reduce((sum, { of }) => sum + of, 0)}`;
  };
  return [
    '| recorded behaviour of | held |',
    '|---|---|',
    ...sorted.map(({ area, held, of }) => `| ${area.split('-')[0]}: ${AREAS[area]} | ${held} / ${of} |`),
    `| **kube-apiserver 1.36** | **${total('kube')}** |`,
    `| **kcp 0.32** | **${total('kcp')}** |`,
  ].join('\n');
}

/** The table as the README has it. */
export const writtenTable = (): string => TABLE.exec(readFileSync(README, 'utf8'))?.[2]?.trim() ?? '';

/** Puts a new table into the README. */
export function writeTable(table: string): void {
  const text = readFileSync(README, 'utf8').replace(TABLE, (_all, head, _old, tail) => `${head}\n${table}\n\n${tail}`);
  writeFileSync(README, text);
}

/** Names the README gives in backquotes under "Refused scenarios". */
export function refusedScenarios(): string[] {
  const part = /## Refused scenarios\n([\s\S]*?)(\n## |$)/.exec(readFileSync(README, 'utf8'))?.[1] ?? '';
  return [...part.matchAll(/^- `([\w-]+)`/gm)].map((match) => match[1] as string);
}
