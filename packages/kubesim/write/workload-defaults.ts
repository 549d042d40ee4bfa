import { type ApiObject, isRecord, recordAt } from '../object.ts';

type Fields = Record<string, unknown>;
const records = (value: unknown): Fields[] => (Array.isArray(value) ? value.filter(isRecord) : []);

function container(value: Fields): Fields {
  const image = String(value['image'] ?? '');
  const tagged = /[:@][^/]*$/.test(image) && !image.endsWith(':latest');
  const filled: Fields = {
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    imagePullPolicy: tagged ? 'IfNotPresent' : 'Always',
    resources: {},
    ...value,
  };
  if (value['ports']) filled['ports'] = records(value['ports']).map((port) => ({ protocol: 'TCP', ...port }));
  return filled;
}

/** What a pod spec holds after a real server stored it. */
function podSpec(spec: Fields): Fields {
  const filled: Fields = {
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 30,
    dnsPolicy: 'ClusterFirst',
    securityContext: {},
    schedulerName: 'default-scheduler',
    ...spec,
  };
  for (const list of ['containers', 'initContainers'])
    if (spec[list]) filled[list] = records(spec[list]).map(container);
  return filled;
}

function template(value: Fields): Fields {
  return { ...value, metadata: recordAt(value, 'metadata'), spec: podSpec(recordAt(value, 'spec')) };
}

const withSpec = (obj: ApiObject, defaults: Fields): ApiObject => {
  const spec = recordAt(obj, 'spec');
  return { ...obj, spec: { ...defaults, ...spec, template: template(recordAt(spec, 'template')) } };
};

/** Deployment and its kin as stored: replicas, strategy, limits and the pod template filled in. */
export function deploymentDefaults(obj: ApiObject): ApiObject {
  const filled = withSpec(obj, { replicas: 1, revisionHistoryLimit: 10, progressDeadlineSeconds: 600 });
  const spec = recordAt(filled, 'spec');
  const given = recordAt(spec, 'strategy');
  const type = given['type'] ?? 'RollingUpdate';
  const rolling = { maxUnavailable: '25%', maxSurge: '25%', ...recordAt(given, 'rollingUpdate') };
  const strategy = type === 'RollingUpdate' ? { ...given, type, rollingUpdate: rolling } : { ...given, type };
  return { ...filled, spec: { ...spec, strategy } };
}

export const replicaSetDefaults = (obj: ApiObject): ApiObject => withSpec(obj, { replicas: 1 });

export const podDefaults = (obj: ApiObject): ApiObject => ({
  ...obj,
  spec: { enableServiceLinks: true, ...podSpec(recordAt(obj, 'spec')) },
  status:
    obj['status'] && Object.keys(recordAt(obj, 'status')).length
      ? obj['status']
      : { phase: 'Pending', qosClass: 'BestEffort' },
});

/** An address of the service network, the same for the same service. */
function clusterIpFor(obj: ApiObject): string {
  let hash = 7;
  for (const char of `${obj.metadata.uid}`) hash = (hash * 31 + char.charCodeAt(0)) >>> 0;
  return `10.96.${(hash >>> 8) & 255}.${1 + (hash % 254)}`;
}

/** A Service as stored: type, address, ports and families filled in; an update keeps the address it has. */
export function serviceDefaults(obj: ApiObject, old: ApiObject | undefined): ApiObject {
  const spec = recordAt(obj, 'spec');
  const before = recordAt(old, 'spec');
  const type = spec['type'] ?? 'ClusterIP';
  const addressed = type !== 'ExternalName';
  const clusterIP = spec['clusterIP'] ?? before['clusterIP'] ?? (addressed ? clusterIpFor(obj) : undefined);
  const filled: Fields = {
    internalTrafficPolicy: 'Cluster',
    ipFamilies: ['IPv4'],
    ipFamilyPolicy: 'SingleStack',
    sessionAffinity: 'None',
    ...(clusterIP ? { clusterIP, clusterIPs: [clusterIP] } : {}),
    ...spec,
    type,
  };
  if (spec['ports'])
    filled['ports'] = records(spec['ports']).map((port) => ({ protocol: 'TCP', targetPort: port['port'], ...port }));
  const status = recordAt(obj, 'status');
  return { ...obj, spec: filled, status: status['loadBalancer'] ? status : { ...status, loadBalancer: {} } };
}
