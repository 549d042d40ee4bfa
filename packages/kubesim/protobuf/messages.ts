/**
 * A field of a message: its JSON name and type. `int?` and `bool?` are pointers in Go, so that zero is a value; of the others zero
 * means absent.
 */
export type Field = [name: string, type: FieldType];
export type FieldType =
  | 'string'
  | 'int'
  | 'int?'
  | 'bool'
  | 'bool?'
  | 'bytes'
  | 'time'
  | 'intOrString'
  | { list: 'string' | MessageName }
  | { map: 'string' | 'bytes' | 'quantity' }
  | MessageRef;
interface MessageRef {
  message: MessageName;
}
export type MessageName = keyof typeof MESSAGES;

const string = 'string' as const;
const metadata: [string, { message: 'ObjectMeta' }] = ['metadata', { message: 'ObjectMeta' }];
const strings = { list: string };
const stringMap = { map: string };

/** Field numbers of the messages kubectl's own generators (`kubectl create configmap …`) send. Source: the .proto files of k8s.io/api. */
export const MESSAGES = {
  ObjectMeta: {
    1: ['name', string],
    2: ['generateName', string],
    3: ['namespace', string],
    4: ['selfLink', string],
    5: ['uid', string],
    6: ['resourceVersion', string],
    7: ['generation', 'int'],
    8: ['creationTimestamp', 'time'],
    11: ['labels', stringMap],
    12: ['annotations', stringMap],
    14: ['finalizers', strings],
  },
  ConfigMap: { 1: metadata, 2: ['data', stringMap], 3: ['binaryData', { map: 'bytes' }], 4: ['immutable', 'bool?'] },
  Secret: {
    1: metadata,
    2: ['data', { map: 'bytes' }],
    3: ['type', string],
    4: ['stringData', stringMap],
    5: ['immutable', 'bool?'],
  },
  Namespace: { 1: metadata, 2: ['spec', { message: 'NamespaceSpec' }], 3: ['status', { message: 'NamespaceStatus' }] },
  NamespaceSpec: { 1: ['finalizers', strings] },
  NamespaceStatus: { 1: ['phase', string] },
  ServiceAccount: { 1: metadata, 4: ['automountServiceAccountToken', 'bool?'] },
  Service: { 1: metadata, 2: ['spec', { message: 'ServiceSpec' }], 3: ['status', { message: 'ServiceStatus' }] },
  ServiceSpec: {
    1: ['ports', { list: 'ServicePort' }],
    2: ['selector', stringMap],
    3: ['clusterIP', string],
    4: ['type', string],
    5: ['externalIPs', strings],
    7: ['sessionAffinity', string],
    8: ['loadBalancerIP', string],
    10: ['externalName', string],
    11: ['externalTrafficPolicy', string],
    12: ['healthCheckNodePort', 'int'],
    13: ['publishNotReadyAddresses', 'bool'],
  },
  ServicePort: {
    1: ['name', string],
    2: ['protocol', string],
    3: ['port', 'int'],
    4: ['targetPort', 'intOrString'],
    5: ['nodePort', 'int'],
  },
  ServiceStatus: { 1: ['loadBalancer', { message: 'Empty' }] },
  Deployment: {
    1: metadata,
    2: ['spec', { message: 'DeploymentSpec' }],
    3: ['status', { message: 'DeploymentStatus' }],
  },
  DeploymentSpec: {
    1: ['replicas', 'int?'],
    2: ['selector', { message: 'LabelSelector' }],
    3: ['template', { message: 'PodTemplateSpec' }],
    4: ['strategy', { message: 'Strategy' }],
    5: ['minReadySeconds', 'int'],
    6: ['revisionHistoryLimit', 'int?'],
    7: ['paused', 'bool'],
    9: ['progressDeadlineSeconds', 'int?'],
  },
  Strategy: { 1: ['type', string], 2: ['rollingUpdate', { message: 'RollingUpdate' }] },
  RollingUpdate: { 1: ['maxUnavailable', 'intOrString'], 2: ['maxSurge', 'intOrString'] },
  DeploymentStatus: {
    1: ['observedGeneration', 'int'],
    2: ['replicas', 'int'],
    3: ['updatedReplicas', 'int'],
    4: ['availableReplicas', 'int'],
    5: ['unavailableReplicas', 'int'],
    7: ['readyReplicas', 'int'],
  },
  LabelSelector: { 1: ['matchLabels', stringMap] },
  PodTemplateSpec: { 1: metadata, 2: ['spec', { message: 'PodSpec' }] },
  PodSpec: {
    2: ['containers', { list: 'Container' }],
    3: ['restartPolicy', string],
    6: ['dnsPolicy', string],
    8: ['serviceAccountName', string],
    9: ['serviceAccount', string],
    10: ['nodeName', string],
    11: ['hostNetwork', 'bool'],
    12: ['hostPID', 'bool'],
    13: ['hostIPC', 'bool'],
    16: ['hostname', string],
    17: ['subdomain', string],
    19: ['schedulerName', string],
    24: ['priorityClassName', string],
  },
  Container: {
    1: ['name', string],
    2: ['image', string],
    3: ['command', strings],
    4: ['args', strings],
    5: ['workingDir', string],
    6: ['ports', { list: 'ContainerPort' }],
    7: ['env', { list: 'EnvVar' }],
    8: ['resources', { message: 'Resources' }],
    13: ['terminationMessagePath', string],
    14: ['imagePullPolicy', string],
    16: ['stdin', 'bool'],
    17: ['stdinOnce', 'bool'],
    18: ['tty', 'bool'],
    20: ['terminationMessagePolicy', string],
  },
  ContainerPort: {
    1: ['name', string],
    2: ['hostPort', 'int'],
    3: ['containerPort', 'int'],
    4: ['protocol', string],
    5: ['hostIP', string],
  },
  EnvVar: { 1: ['name', string], 2: ['value', string] },
  Resources: { 1: ['limits', { map: 'quantity' }], 2: ['requests', { map: 'quantity' }] },
  Role: { 1: metadata, 2: ['rules', { list: 'PolicyRule' }] },
  ClusterRole: { 1: metadata, 2: ['rules', { list: 'PolicyRule' }] },
  PolicyRule: {
    1: ['verbs', strings],
    2: ['apiGroups', { list: 'string' }],
    3: ['resources', strings],
    4: ['resourceNames', strings],
    5: ['nonResourceURLs', strings],
  },
  RoleBinding: { 1: metadata, 2: ['subjects', { list: 'Subject' }], 3: ['roleRef', { message: 'RoleRef' }] },
  ClusterRoleBinding: { 1: metadata, 2: ['subjects', { list: 'Subject' }], 3: ['roleRef', { message: 'RoleRef' }] },
  Subject: { 1: ['kind', string], 2: ['apiGroup', string], 3: ['name', string], 4: ['namespace', string] },
  RoleRef: { 1: ['apiGroup', string], 2: ['kind', string], 3: ['name', string] },
  TokenRequest: { 1: metadata, 2: ['spec', { message: 'TokenSpec' }], 3: ['status', { message: 'TokenStatus' }] },
  TokenSpec: { 1: ['audiences', strings], 4: ['expirationSeconds', 'int?'] },
  TokenStatus: { 1: ['token', string], 2: ['expirationTimestamp', 'time'] },
  SelfSubjectAccessReview: {
    1: metadata,
    2: ['spec', { message: 'AccessSpec' }],
    3: ['status', { message: 'AccessStatus' }],
  },
  AccessSpec: {
    1: ['resourceAttributes', { message: 'ResourceAttributes' }],
    2: ['nonResourceAttributes', { message: 'PathAttributes' }],
  },
  ResourceAttributes: {
    1: ['namespace', string],
    2: ['verb', string],
    3: ['group', string],
    4: ['version', string],
    5: ['resource', string],
    6: ['subresource', string],
    7: ['name', string],
  },
  PathAttributes: { 1: ['path', string], 2: ['verb', string] },
  AccessStatus: {
    1: ['allowed', 'bool'],
    2: ['reason', string],
    3: ['evaluationError', string],
    4: ['denied', 'bool'],
  },
  SelfSubjectReview: { 1: metadata, 2: ['status', { message: 'ReviewStatus' }] },
  ReviewStatus: { 1: ['userInfo', { message: 'Empty' }] },
  Empty: {},
} as const;

/** The kinds whose bodies are understood. */
export const KINDS = [
  'ConfigMap',
  'Secret',
  'Namespace',
  'ServiceAccount',
  'Service',
  'Deployment',
  'Role',
  'ClusterRole',
  'RoleBinding',
  'ClusterRoleBinding',
  'TokenRequest',
  'SelfSubjectAccessReview',
  'SelfSubjectReview',
] as const;
