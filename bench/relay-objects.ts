/** Lines of a watch, made once and sent many times: only fixed-width numbers in them change. */

export type ObjectKind = 'deployments' | 'configmaps';

/** Below this no revision is used, so that all have ten digits. */
export const FIRST_REVISION = 1_000_000_000;
const RV_MARK = '9999999999';
const ROUND_MARK = '8888888888';
const WORKSPACES = 200;

/** A line with the offsets of its numbers. */
export type LineTemplate = {
  readonly bytes: Buffer;
  readonly rvAt: readonly number[];
  readonly roundAt: readonly number[];
};

/** The watch line of object number `index`: a Deployment of some 4.7 KB with managedFields, or a ConfigMap of some 500 bytes. */
export function lineTemplate(kind: ObjectKind, index: number, type = 'MODIFIED'): LineTemplate {
  const object = kind === 'deployments' ? deploymentOf(index) : configMapOf(index);
  const bytes = Buffer.from(`${JSON.stringify({ type, object })}\n`);
  return { bytes, rvAt: offsets(bytes, RV_MARK), roundAt: offsets(bytes, ROUND_MARK) };
}

function offsets(bytes: Buffer, mark: string): number[] {
  const found: number[] = [];
  for (let at = bytes.indexOf(mark); at >= 0; at = bytes.indexOf(mark, at + mark.length)) found.push(at);
  return found;
}

/** Writes a number of exactly ten digits. */
export function writeNumber(bytes: Buffer, at: number, value: number): void {
  let rest = value;
  for (let place = at + 9; place >= at; place -= 1) {
    bytes[place] = 48 + (rest % 10);
    rest = Math.floor(rest / 10);
  }
}

const padded = (index: number, width: number): string => String(index).padStart(width, '0');
const uidOf = (index: number): string => `6f1c52aa-${padded(index % 10_000, 4)}-4d11-9a3b-${padded(index, 12)}`;
const workspaceOf = (index: number): string => `kvdk2spgmbix${padded(index % WORKSPACES, 4)}`;
const namespaceOf = (index: number): string => `tenant-${padded(index % 20, 3)}`;

/** A small object as an item of a list, made when it is asked for: a million of them are never held. */
export function smallItem(index: number, revision: number): string {
  return `{"metadata":{"name":"settings-${padded(index, 7)}","namespace":"${namespaceOf(index)}","uid":"${uidOf(index)}","resourceVersion":"${revision}","creationTimestamp":"2026-11-01T08:00:00Z","annotations":{"kcp.io/cluster":"${workspaceOf(index)}"}},"data":{"mode":"fast","level":"${index % 7}"}}`;
}

function configMapOf(index: number): object {
  const data = { mode: 'fast', round: ROUND_MARK };
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      ...metadataOf('settings', index),
      managedFields: [managed('kubectl-client-side-apply', 'Update', { data })],
    },
    data,
  };
}

function metadataOf(prefix: string, index: number) {
  return {
    name: `${prefix}-${padded(index, 7)}`,
    namespace: namespaceOf(index),
    uid: uidOf(index),
    resourceVersion: RV_MARK,
    creationTimestamp: '2026-11-01T08:00:00Z',
    labels: { app: `${prefix}-${index % 50}`, 'app.kubernetes.io/part-of': 'shop' },
    annotations: { 'kcp.io/cluster': workspaceOf(index) },
  };
}

function deploymentOf(index: number): object {
  const metadata = metadataOf('web', index);
  const selector = { matchLabels: { app: metadata.name } };
  const containers = [containerOf('web', 8080), containerOf('proxy', 9090)];
  const template = { metadata: { labels: selector.matchLabels }, spec: { containers, ...POD } };
  const spec = {
    replicas: 3,
    selector,
    template,
    strategy: STRATEGY,
    revisionHistoryLimit: 10,
    progressDeadlineSeconds: 600,
  };
  const status = { observedGeneration: 1, replicas: 3, updatedReplicas: 3, readyReplicas: 3, conditions: CONDITIONS };
  const managedFields = [
    managed('kubectl', 'Apply', { metadata: { labels: metadata.labels }, spec }),
    { ...managed('kube-controller-manager', 'Update', { status }), subresource: 'status' },
  ];
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { ...metadata, generation: Number(ROUND_MARK), managedFields },
    spec,
    status,
  };
}

const STRATEGY = { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' } };
const POD = {
  restartPolicy: 'Always',
  terminationGracePeriodSeconds: 30,
  dnsPolicy: 'ClusterFirst',
  schedulerName: 'default-scheduler',
};
const CONDITIONS = ['Available', 'Progressing'].map((type) => ({
  type,
  status: 'True',
  lastUpdateTime: '2026-11-01T08:00:09Z',
  lastTransitionTime: '2026-11-01T08:00:09Z',
  reason: 'MinimumReplicasAvailable',
  message: 'Deployment has minimum availability.',
}));

function containerOf(name: string, port: number): object {
  return {
    name,
    image: `registry.example.test/shop/${name}:${ROUND_MARK}`,
    ports: [{ name: 'http', containerPort: port, protocol: 'TCP' }],
    env: ['LOG_LEVEL', 'REGION', 'FEATURES'].map((key) => ({ name: key, value: `value-of-${key.toLowerCase()}` })),
    resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { cpu: '500m', memory: '256Mi' } },
    readinessProbe: { httpGet: { path: '/ready', port: 'http', scheme: 'HTTP' }, timeoutSeconds: 1, periodSeconds: 10 },
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    imagePullPolicy: 'IfNotPresent',
  };
}

function managed(manager: string, operation: string, fields: object) {
  return {
    manager,
    operation,
    apiVersion: 'v1',
    time: '2026-11-01T08:00:00Z',
    fieldsType: 'FieldsV1',
    fieldsV1: fieldTree(fields),
  };
}

/** The field set of a value, as servers write it; elements of lists by their name. */
function fieldTree(value: unknown): object {
  if (Array.isArray(value)) {
    const entries = value.map((item) => [
      `k:{"name":"${(item as { name?: string }).name ?? ''}"}`,
      { '.': {}, ...fieldTree(item) },
    ]);
    return Object.fromEntries(entries);
  }
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [`f:${name}`, fieldTree(inner)]));
}
