import type { Manifest } from './manifests.ts';

/** One command line of the script. */
export type Command = {
  /** What follows `kubectl -n shop`, split at spaces; '…' keeps words together. */
  readonly run: string;
  /** Goes to its standard input. */
  readonly stdin?: Manifest;
  /** Keeps only the lines of the output that match. */
  readonly only?: RegExp;
  /** Leaves out the lines that match. */
  readonly except?: RegExp;
  /** Leaves out the output from the first line that matches on. */
  readonly before?: RegExp;
  /** A watch: these commands run once the server accepted it, and it ends when its output matches `until`. */
  readonly during?: readonly string[];
  readonly until?: RegExp;
  /** Why the output is cut, or the command is special. */
  readonly why?: string;
};

const NO_EVENTS = { before: /^Events:/, why: 'controllers of a real cluster write events, the faker does not' };
const NO_TEXTS = {
  only: /^(GROUP|KIND|VERSION|RESOURCE|FIELD|FIELDS)\b|^\s+\S+\t<\S+>/,
  why: 'the simulator keeps no descriptions of built-in fields',
};
/** Of the resources of a group those that the simulator offers. */
const OFFERED = {
  only: /^(NAME|configmaps|events|namespaces|nodes|pods|secrets|serviceaccounts|services|deployments|replicasets|daemonsets|statefulsets|leases)\b/,
  why: 'a real server serves more kinds',
};
const settled = (run: string): Command => ({
  run,
  only: /successfully rolled out|error/,
  why: 'how many steps of a rollout a client sees depends on time',
});

/**
 * The command lines that are driven against the simulator and against a real API server with its controllers. In order: later ones
 * see what earlier ones did.
 */
export const SCRIPT: readonly Command[] = [
  { run: 'create namespace shop' },
  { run: 'create namespace shop' },
  { run: 'get namespace shop' },
  { run: 'apply -f -', stdin: 'app' },
  settled('rollout status deployment/web --timeout=60s'),
  { run: 'apply -f -', stdin: 'app' },
  { run: 'get deployments' },
  { run: 'get deployments -o wide' },
  { run: 'get deployments --show-labels' },
  { run: 'get deployment web -o yaml' },
  { run: 'get deployment web -o json' },
  { run: 'get services -o wide' },
  { run: 'get service web -o yaml' },
  { run: 'get pods' },
  { run: 'get pods -o wide -l app=web' },
  { run: 'get pods -l app!=web' },
  { run: 'get replicasets -o wide' },
  { run: 'get configmap settings -o yaml' },
  { run: 'get configmap settings -o json' },
  {
    run: 'get configmaps,services -o name',
    only: /web|settings/,
    why: 'a real cluster puts kube-root-ca.crt into every namespace',
  },
  { run: "get deployment web -o jsonpath='{.spec.template.spec.containers[*].image}'" },
  { run: 'get deployments -o custom-columns=NAME:.metadata.name,WANTED:.spec.replicas' },
  { run: 'get configmaps --field-selector metadata.name=settings' },
  { run: 'get configmaps --field-selector data.color=red' },
  { run: 'get configmaps -l tier=front --no-headers' },
  { run: 'get configmap absent' },
  { run: 'get configmap absent --ignore-not-found' },
  { run: 'get gadgets' },
  { run: 'get deploy,svc -A', only: /web|NAME/, why: 'a real cluster serves itself in the namespace default' },
  { run: 'describe configmap settings' },
  { run: 'describe deployment web', ...NO_EVENTS },
  {
    run: 'describe service web',
    except: /^Endpoints:/,
    before: /^Events:/,
    why: 'the simulator runs no controllers that write endpoints or events',
  },
  { run: 'describe namespace shop' },
  { run: 'diff -f -', stdin: 'appChanged' },
  { run: 'diff -f -', stdin: 'app' },
  { run: 'apply --dry-run=server -f -', stdin: 'appChanged' },
  { run: 'apply --dry-run=client -f -', stdin: 'appChanged' },
  { run: 'apply -f -', stdin: 'appChanged' },
  settled('rollout status deployment/web --timeout=60s'),
  { run: 'get deployment web' },
  { run: 'apply -f -', stdin: 'settingsShrunk' },
  { run: "get configmap settings -o jsonpath='{.data}'" },
  { run: 'apply -f -', stdin: 'wrongType' },
  { run: 'apply -f -', stdin: 'badName' },
  { run: 'apply -f -', stdin: 'selectorMismatch' },
  { run: 'apply --server-side -f -', stdin: 'serverSide' },
  { run: 'apply --server-side -f -', stdin: 'serverSide' },
  { run: 'apply --server-side --field-manager=other -f -', stdin: 'serverSideOther' },
  { run: 'apply --server-side --field-manager=other --force-conflicts -f -', stdin: 'serverSideOther' },
  { run: "get configmap shared -o jsonpath='{.data}'" },
  { run: 'create deployment extra --image=nginx:1.27' },
  { run: 'create deployment extra --image=nginx:1.27' },
  { run: 'wait --for=condition=Available deployment/extra --timeout=60s' },
  { run: 'wait --for=condition=Strange deployment/extra --timeout=1s' },
  { run: 'create configmap literal --from-literal=a=1 --from-literal=b=2' },
  { run: 'create secret generic token --from-literal=value=s3cret' },
  { run: 'describe secret token' },
  { run: 'get secret token' },
  { run: 'create serviceaccount robot' },
  { run: 'create role looker --verb=get,list --resource=configmaps' },
  { run: 'create rolebinding looker --role=looker --serviceaccount=shop:robot' },
  { run: 'get roles,rolebindings -o wide' },
  { run: 'describe role looker' },
  { run: `patch configmap literal --type=merge -p '{"data":{"a":null,"c":"3"}}'` },
  { run: `patch configmap literal --type=merge -p '{"data":{"c":"3"}}'` },
  { run: `patch configmap literal --type=json -p '[{"op":"replace","path":"/data/c","value":"4"}]'` },
  { run: `patch configmap literal --type=json -p '[{"op":"test","path":"/data/c","value":"5"}]'` },
  {
    run: `patch deployment extra -p '{"spec":{"template":{"spec":{"containers":[{"name":"nginx","env":[{"name":"A","value":"1"}]}]}}}}'`,
  },
  { run: "get deployment extra -o jsonpath='{.spec.template.spec.containers}'" },
  { run: `patch configmap absent --type=merge -p '{"data":{"a":"1"}}'` },
  { run: "get configmap literal -o jsonpath='{.data}'" },
  { run: 'label configmap literal stage=one' },
  { run: 'label configmap literal stage=two' },
  { run: 'label --overwrite configmap literal stage=two' },
  { run: 'label configmap literal stage=two' },
  { run: 'label configmap literal stage-' },
  { run: 'label configmap literal bad/la/bel=x' },
  { run: 'annotate configmap literal note=hello' },
  { run: 'annotate configmap literal note=bye' },
  { run: 'annotate configmap literal note-' },
  { run: 'get configmap literal --show-labels' },
  { run: 'set image deployment/web nginx=nginx:1.28' },
  settled('rollout status deployment/web --timeout=60s'),
  { run: 'get deployment web -o wide' },
  { run: 'scale deployment web --replicas=1' },
  { run: 'scale deployment web --current-replicas=9 --replicas=2' },
  settled('rollout status deployment/web --timeout=60s'),
  { run: 'get deployment web' },
  { run: 'rollout history deployment/web' },
  { run: 'rollout undo deployment/web' },
  settled('rollout status deployment/web --timeout=60s'),
  { run: "get deployment web -o jsonpath='{.spec.template.spec.containers[*].image}'" },
  { run: 'rollout history deployment/web --revision=3', except: /pod-template-hash/, why: 'hashes differ' },
  { run: 'set env deployment/web STAGE=prod' },
  { run: 'rollout pause deployment/web' },
  { run: 'rollout resume deployment/web' },
  { run: 'expose deployment extra --port=8080' },
  { run: 'get service extra' },
  { run: 'apply -f -', stdin: 'definition' },
  { run: 'wait --for=condition=Established crd/widgets.shop.example.com --timeout=30s' },
  { run: 'apply -f -', stdin: 'widget' },
  { run: 'apply -f -', stdin: 'widgetWrong' },
  { run: 'get widgets' },
  { run: 'get wd -o wide' },
  { run: 'get widget one -o yaml' },
  { run: 'describe widget one' },
  { run: 'scale widget one --replicas=5' },
  { run: `patch widget one --type=merge --subresource=status -p '{"status":{"size":5}}'`, why: 'since kubectl 1.24' },
  { run: `patch widget one -p '{"spec":{"size":2}}'` },
  { run: 'explain widget.spec' },
  { run: 'explain deployment.spec', ...NO_TEXTS },
  { run: 'explain configmap', ...NO_TEXTS },
  { run: 'explain pod.spec.containers.ports', ...NO_TEXTS },
  { run: 'explain configmap.nothing' },
  { run: 'api-resources --api-group=shop.example.com' },
  { run: "api-resources --api-group=''", ...OFFERED },
  { run: 'api-resources --api-group=apps', ...OFFERED },
  { run: 'api-resources --api-group=coordination.k8s.io -o wide', ...OFFERED },
  { run: 'api-versions', only: /^(v1|apps\/v1|coordination.k8s.io\/v1|shop.example.com\/v1)$/, why: OFFERED.why },
  { run: 'create -f -', stdin: 'event' },
  { run: 'get events --field-selector involvedObject.name=settings', only: /LAST|somebody/ },
  { run: 'auth can-i create configmaps' },
  { run: 'auth can-i list configmaps --as=system:serviceaccount:shop:robot' },
  { run: 'auth can-i delete configmaps --as=system:serviceaccount:shop:robot' },
  { run: 'get configmap literal --as=system:serviceaccount:shop:robot' },
  { run: 'delete configmap literal --as=system:serviceaccount:shop:robot' },
  {
    run: 'get configmaps -l watched=yes --watch --output-watch-events',
    during: [
      'create configmap seen --from-literal=a=1',
      'label configmap seen watched=yes',
      `patch configmap seen --type=merge -p '{"data":{"b":"2"}}'`,
      'label configmap seen watched-',
      'delete configmap seen',
    ],
    until: /DELETED/,
  },
  { run: 'apply -f -', stdin: 'held' },
  { run: 'delete configmap held --wait=false' },
  { run: 'delete configmap held --timeout=1s' },
  { run: 'wait --for=delete configmap/held --timeout=1s' },
  { run: `patch configmap held --type=merge -p '{"metadata":{"finalizers":null}}'` },
  { run: 'wait --for=delete configmap/held --timeout=10s' },
  { run: 'get configmap held' },
  { run: 'delete configmap literal shared' },
  { run: 'delete configmap literal' },
  { run: 'delete configmap literal --ignore-not-found' },
  { run: 'delete deployment web --cascade=foreground', why: 'waits until its pods are gone' },
  { run: 'get pods -l app=web' },
  { run: 'delete deployment,service extra --wait=false' },
  { run: 'delete secrets --all' },
  { run: 'delete crd widgets.shop.example.com' },
  { run: 'get widgets' },
  { run: 'delete namespace shop' },
  { run: 'get configmap settings' },
];
