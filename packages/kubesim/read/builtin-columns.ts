import { type ApiObject, isRecord, recordAt } from '../object.ts';

/** Name, cell and (for wide output) priority 1. */
type Cells = [name: string, cell: (obj: ApiObject) => unknown, priority?: number];

const spec = (obj: ApiObject) => recordAt(obj, 'spec');
const status = (obj: ApiObject) => recordAt(obj, 'status');
const list = (value: unknown): Record<string, unknown>[] => (Array.isArray(value) ? value.filter(isRecord) : []);
const count = (value: unknown): number => (isRecord(value) ? Object.keys(value).length : 0);
const number = (value: unknown): number => (typeof value === 'number' ? value : 0);
const text = (value: unknown, fallback = '<none>'): string =>
  value === undefined || value === '' ? fallback : String(value);

/** Time since a timestamp as kubectl writes it. */
export function ageOf(timestamp: string | null | undefined): string {
  if (!timestamp) return '<unknown>';
  const seconds = Math.max(0, Math.floor((Date.now() - Date.parse(timestamp)) / 1000));
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return seconds % 60 ? `${minutes}m${seconds % 60}s` : `${minutes}m`;
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours}h`;
  return `${Math.floor(hours / 24)}d`;
}

const age: Cells = ['Age', (obj) => ageOf(obj.metadata.creationTimestamp)];
const containers = (obj: ApiObject) => list(recordAt(recordAt(spec(obj), 'template'), 'spec')['containers']);
const selectorText = (obj: ApiObject): string => labelText(recordAt(recordAt(spec(obj), 'selector'), 'matchLabels'));
const labelText = (labels: Record<string, unknown>): string =>
  text(
    Object.entries(labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(','),
  );

const workloadWide: Cells[] = [
  [
    'Containers',
    (obj) =>
      containers(obj)
        .map((c) => c['name'])
        .join(','),
    1,
  ],
  [
    'Images',
    (obj) =>
      containers(obj)
        .map((c) => c['image'])
        .join(','),
    1,
  ],
  ['Selector', selectorText, 1],
];

const ports = (obj: ApiObject): string =>
  text(
    list(spec(obj)['ports'])
      .map((p) => `${p['port']}${p['nodePort'] ? `:${p['nodePort']}` : ''}/${p['protocol'] ?? 'TCP'}`)
      .join(','),
  );

const externalIp = (obj: ApiObject): string => {
  const ingress = list(recordAt(status(obj), 'loadBalancer')['ingress']);
  if (ingress.length) return ingress.map((i) => i['ip'] ?? i['hostname']).join(',');
  return spec(obj)['type'] === 'LoadBalancer' ? '<pending>' : '<none>';
};

const podReady = (obj: ApiObject): string => {
  const states = list(status(obj)['containerStatuses']);
  return `${states.filter((s) => s['ready']).length}/${list(spec(obj)['containers']).length}`;
};

const podState = (obj: ApiObject): string => {
  if (obj.metadata.deletionTimestamp) return 'Terminating';
  const waiting = list(status(obj)['containerStatuses']).map(
    (s) => recordAt(recordAt(s, 'state'), 'waiting')['reason'],
  );
  return text(waiting.find(Boolean) ?? status(obj)['phase'], 'Unknown');
};

/** In core or events.k8s.io spelling. */
const eventPart = (obj: ApiObject, core: string, renamed: string): unknown => obj[core] ?? obj[renamed];
const eventSubject = (obj: ApiObject) =>
  isRecord(obj['regarding']) ? recordAt(obj, 'regarding') : recordAt(obj, 'involvedObject');
const eventSource = (obj: ApiObject): string => {
  const source = isRecord(obj['source']) ? recordAt(obj, 'source') : recordAt(obj, 'deprecatedSource');
  const component = source['component'] ?? eventPart(obj, 'reportingComponent', 'reportingController') ?? '';
  return source['host'] ? `${component}, ${source['host']}` : String(component);
};
const eventTime = (obj: ApiObject, core: string, renamed: string): string =>
  ageOf(String(eventPart(obj, core, renamed) ?? obj['eventTime'] ?? obj.metadata.creationTimestamp));

/** The only table whose name comes last. */
const EVENT_COLUMNS: Cells[] = [
  ['Last Seen', (obj) => eventTime(obj, 'lastTimestamp', 'deprecatedLastTimestamp')],
  ['Type', (obj) => obj['type']],
  ['Reason', (obj) => obj['reason']],
  ['Object', (obj) => `${String(eventSubject(obj)['kind'] ?? '').toLowerCase()}/${eventSubject(obj)['name']}`],
  ['Subobject', (obj) => eventSubject(obj)['fieldPath'] ?? '', 1],
  ['Source', eventSource, 1],
  ['Message', (obj) => String(eventPart(obj, 'message', 'note') ?? '').trim()],
  ['First Seen', (obj) => eventTime(obj, 'firstTimestamp', 'deprecatedFirstTimestamp'), 1],
  ['Count', (obj) => eventPart(obj, 'count', 'deprecatedCount') ?? 1, 1],
  ['Name', (obj) => obj.metadata.name, 1],
];

const subjects = (kind: string) => (obj: ApiObject) =>
  list(obj['subjects'])
    .filter((subject) => subject['kind'] === kind)
    .map(({ name, namespace }) => (kind === 'ServiceAccount' ? `${namespace}/${name}` : name))
    .join(', ');
const BINDING_COLUMNS: Cells[] = [
  ['Role', (obj) => `${recordAt(obj, 'roleRef')['kind']}/${recordAt(obj, 'roleRef')['name']}`],
  age,
  ['Users', subjects('User'), 1],
  ['Groups', subjects('Group'), 1],
  ['ServiceAccounts', subjects('ServiceAccount'), 1],
];

/** The columns of the types people list most, as `kubectl get` shows them on a real cluster. */
export const BUILTIN_COLUMNS: Record<string, Cells[]> = {
  'configmaps.': [['Data', (obj) => count(obj['data']) + count(obj['binaryData'])], age],
  'secrets.': [['Type', (obj) => obj['type'] ?? 'Opaque'], ['Data', (obj) => count(obj['data'])], age],
  'namespaces.': [['Status', (obj) => status(obj)['phase']], age],
  'nodes.': [['Status', () => 'Ready'], age],
  'serviceaccounts.': [age],
  'services.': [
    ['Type', (obj) => spec(obj)['type'] ?? 'ClusterIP'],
    ['Cluster-IP', (obj) => text(spec(obj)['clusterIP'])],
    ['External-IP', externalIp],
    ['Port(s)', ports],
    age,
    ['Selector', (obj) => labelText(recordAt(spec(obj), 'selector')), 1],
  ],
  'pods.': [
    ['Ready', podReady],
    ['Status', podState],
    [
      'Restarts',
      (obj) => String(list(status(obj)['containerStatuses']).reduce((n, s) => n + number(s['restartCount']), 0)),
    ],
    age,
    ['IP', (obj) => text(status(obj)['podIP']), 1],
    ['Node', (obj) => text(spec(obj)['nodeName']), 1],
    ['Nominated Node', () => '<none>', 1],
    ['Readiness Gates', () => '<none>', 1],
  ],
  'deployments.apps': [
    ['Ready', (obj) => `${number(status(obj)['readyReplicas'])}/${number(spec(obj)['replicas'])}`],
    ['Up-to-date', (obj) => number(status(obj)['updatedReplicas'])],
    ['Available', (obj) => number(status(obj)['availableReplicas'])],
    age,
    ...workloadWide,
  ],
  'replicasets.apps': [
    ['Desired', (obj) => number(spec(obj)['replicas'])],
    ['Current', (obj) => number(status(obj)['replicas'])],
    ['Ready', (obj) => number(status(obj)['readyReplicas'])],
    age,
    ...workloadWide,
  ],
  'leases.coordination.k8s.io': [['Holder', (obj) => spec(obj)['holderIdentity'] ?? ''], age],
  'events.': EVENT_COLUMNS,
  'events.events.k8s.io': EVENT_COLUMNS,
  'rolebindings.rbac.authorization.k8s.io': BINDING_COLUMNS,
  'clusterrolebindings.rbac.authorization.k8s.io': BINDING_COLUMNS,
  'workspaces.tenancy.kcp.io': [
    ['Type', (obj) => recordAt(spec(obj), 'type')['name']],
    ['Phase', (obj) => status(obj)['phase']],
    ['URL', (obj) => spec(obj)['URL']],
    age,
  ],
};
