import { invalid, type StatusCause, type Subject } from '../api-error.ts';
import { type ApiObject, isRecord } from '../object.ts';
import type { ResourceDef } from '../resources/definition.ts';

const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const DNS_LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const LABEL_NAME = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;
const DATA_KEY = /^[-._a-zA-Z0-9]+$/;
/** RBAC names are path segments: anything but a slash. */
const PATH_NAMED = new Set(['ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding']);
const LABEL_NAMED = new Set(['Namespace', 'Service', 'Workspace']);

const bad = (field: string, message: string): StatusCause => ({ reason: 'FieldValueInvalid', field, message });

const isQualifiedName = (key: string): boolean => {
  const parts = key.split('/');
  if (parts.length > 2) return false;
  const name = parts.at(-1) as string;
  if (!LABEL_NAME.test(name) || name.length > 63) return false;
  return parts.length === 1 || (SUBDOMAIN.test(parts[0] as string) && (parts[0] as string).length <= 253);
};

/** Names, labels, annotations, finalizers and owner references as API servers check them. @throws ApiError 422 */
export function checkMetadata(obj: ApiObject, subject: Subject, def: ResourceDef): void {
  const causes = [
    ...nameCauses(obj),
    ...labelCauses(obj),
    ...annotationCauses(obj),
    ...finalizerCauses(obj, def),
    ...ownerCauses(obj),
    ...controllerCauses(obj),
    ...dataCauses(obj),
  ];
  if (causes.length) throw invalid(subject, causes);
}

function nameCauses(obj: ApiObject): StatusCause[] {
  const { name } = obj.metadata;
  if (!name)
    return [
      {
        reason: 'FieldValueRequired',
        field: 'metadata.name',
        message: 'Required value: name or generateName is required',
      },
    ];
  const kind = obj.kind ?? '';
  if (PATH_NAMED.has(kind)) return /[/%]/.test(name) ? [bad('metadata.name', `Invalid value: "${name}"`)] : [];
  const pattern = LABEL_NAMED.has(kind) ? DNS_LABEL : SUBDOMAIN;
  const longest = LABEL_NAMED.has(kind) ? 63 : 253;
  const message = `Invalid value: "${name}": ${name.length > longest ? `must be no more than ${longest} bytes` : grammarOf(pattern)}`;
  if (pattern.test(name) && name.length <= longest) return [];
  const causes = [bad('metadata.name', message)];
  // The schema of a Workspace says it again.
  return kind === 'Workspace' ? [...causes, bad('metadata.name', `${message} (schema)`)] : causes;
}

/** What real servers say of a name that is none; the sentences are those of Kubernetes. */
const grammarOf = (pattern: RegExp): string =>
  pattern === DNS_LABEL
    ? `a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')`
    : String.raw`a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')`;

const LABEL_GRAMMAR =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const KEY_GRAMMAR = `a valid label key ${LABEL_GRAMMAR} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`;
const VALUE_GRAMMAR = `a valid label must be an empty string or ${LABEL_GRAMMAR.replace('must consist', 'consist').replace("'MyName',  or 'my.name',  or '123-abc'", "'MyValue',  or 'my_value',  or '12345'").replace("'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]'", "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?'")}`;

function labelCauses(obj: ApiObject): StatusCause[] {
  return Object.entries(obj.metadata.labels ?? {}).flatMap(([key, value]) => {
    const valueOk = typeof value === 'string' && (value === '' || (LABEL_NAME.test(value) && value.length <= 63));
    if (!isQualifiedName(key)) return [bad('metadata.labels', `Invalid value: "${key}": ${KEY_GRAMMAR}`)];
    return valueOk ? [] : [bad('metadata.labels', `Invalid value: "${value}": ${VALUE_GRAMMAR}`)];
  });
}

const annotationCauses = (obj: ApiObject): StatusCause[] =>
  Object.keys(obj.metadata.annotations ?? {})
    .filter((key) => !isQualifiedName(key.toLowerCase()))
    .map((key) => bad('metadata.annotations', `Invalid value: "${key}": not a qualified name`));

const isLenient = (def: ResourceDef): boolean => def.custom || def.group === 'apiextensions.k8s.io';

const STANDARD_FINALIZERS = ['orphan', 'foregroundDeletion', 'kubernetes'];

/** Finalizers of built-in types must have a domain; those of definitions and custom resources need not. */
const finalizerCauses = (obj: ApiObject, def: ResourceDef): StatusCause[] =>
  (obj.metadata.finalizers ?? []).flatMap((name, at) =>
    isQualifiedName(name) && (isLenient(def) || name.includes('/') || STANDARD_FINALIZERS.includes(name))
      ? []
      : [
          bad(
            `metadata.finalizers[${at}]`,
            `Invalid value: "${name}": name is neither a standard finalizer name nor is it fully qualified`,
          ),
        ],
  );

const ownerCauses = (obj: ApiObject): StatusCause[] =>
  (obj.metadata.ownerReferences ?? []).flatMap((owner) =>
    (['apiVersion', 'kind', 'name', 'uid'] as const)
      .filter((field) => !owner[field])
      .map((field) => bad(`metadata.ownerReferences.${field}`, `Invalid value: "": must not be empty`)),
  );

const controllerCauses = (obj: ApiObject): StatusCause[] =>
  (obj.metadata.ownerReferences ?? []).filter((owner) => owner.controller).length > 1
    ? [bad('metadata.ownerReferences', 'Invalid value: only one reference can have Controller set to true')]
    : [];

function dataCauses(obj: ApiObject): StatusCause[] {
  if (obj.apiVersion !== 'v1' || (obj.kind !== 'ConfigMap' && obj.kind !== 'Secret')) return [];
  return ['data', 'binaryData'].flatMap((field) =>
    Object.keys(isRecord(obj[field]) ? obj[field] : {})
      .filter((key) => !DATA_KEY.test(key))
      .map((key) =>
        bad(
          `${field}[${key}]`,
          `Invalid value: "${key}": a valid config key must consist of alphanumerics, "-", "_" or "."`,
        ),
      ),
  );
}
