/** What the script of commands applies. YAML, as people write it. */

const deployment = (image: string, replicas: number) => `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: {app: web}
spec:
  replicas: ${replicas}
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: nginx
        image: ${image}
        ports:
        - containerPort: 80
`;

const SERVICE = `apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  selector: {app: web}
  ports:
  - port: 80
    targetPort: 80
`;

const settings = (color: string, more = '') => `apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
  labels: {tier: front}
data:
  color: ${color}
${more}`;

export const MANIFESTS = {
  app: [deployment('nginx:1.27', 2), SERVICE, settings('red')].join('---\n'),
  appChanged: [deployment('nginx:1.27', 3), SERVICE, settings('green', '  size: big\n')].join('---\n'),
  settingsShrunk: settings('green'),
  settingsBlue: settings('blue'),
  serverSide: 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: shared\ndata:\n  owner: first\n  mine: "1"\n',
  serverSideOther: 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: shared\ndata:\n  owner: second\n',
  held: 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: held\n  finalizers: [example.com/hold]\ndata: {a: "1"}\n',
  wrongType: 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: wrong\ndata:\n  list: [1, 2]\n',
  badName: 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: Bad_Name\n',
  selectorMismatch: deployment('nginx', 1)
    .replace('matchLabels: {app: web}', 'matchLabels: {app: other}')
    .replace('name: web', 'name: mismatch'),
  definition: `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: widgets.shop.example.com
spec:
  group: shop.example.com
  scope: Namespaced
  names: {plural: widgets, singular: widget, kind: Widget, listKind: WidgetList, shortNames: [wd], categories: [all]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources:
      status: {}
      scale: {specReplicasPath: .spec.size, statusReplicasPath: .status.size}
    additionalPrinterColumns:
    - {name: Size, type: integer, jsonPath: .spec.size, description: How large it is}
    - {name: Color, type: string, jsonPath: .spec.color, priority: 1}
    - {name: Age, type: date, jsonPath: .metadata.creationTimestamp}
    schema:
      openAPIV3Schema:
        type: object
        description: Something to sell.
        required: [spec]
        properties:
          spec:
            type: object
            description: What is wanted.
            required: [size]
            properties:
              size: {type: integer, minimum: 1, description: How large it is.}
              color: {type: string, enum: [red, green], default: red}
          status:
            type: object
            x-kubernetes-preserve-unknown-fields: true
`,
  widget: 'apiVersion: shop.example.com/v1\nkind: Widget\nmetadata:\n  name: one\nspec:\n  size: 3\n',
  widgetWrong: 'apiVersion: shop.example.com/v1\nkind: Widget\nmetadata:\n  name: two\nspec:\n  size: 0\n',
  event: `apiVersion: v1
kind: Event
metadata:
  name: settings.1
involvedObject: {apiVersion: v1, kind: ConfigMap, name: settings, namespace: shop}
reason: Looked
message: somebody looked
type: Normal
count: 2
source: {component: script}
firstTimestamp: "2026-01-01T00:00:00Z"
lastTimestamp: "2026-01-01T00:00:00Z"
`,
} as const;

export type Manifest = keyof typeof MANIFESTS;
