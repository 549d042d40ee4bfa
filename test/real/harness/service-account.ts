import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Transport } from '@tmc/adapters/kube/http.ts';
import { parseAllDocuments } from 'yaml';
import type { ApiServer } from './control-plane.ts';

type Manifest = { apiVersion: string; kind: string; metadata: { name: string; namespace?: string } };

const PLURALS: Readonly<Record<string, string>> = {
  Namespace: 'namespaces',
  ServiceAccount: 'serviceaccounts',
  ClusterRole: 'clusterroles',
  ClusterRoleBinding: 'clusterrolebindings',
};

/** The objects of a YAML file. */
export function readManifests(path: string): Manifest[] {
  return parseAllDocuments(readFileSync(path, 'utf8')).map((document) => document.toJS() as Manifest);
}

/** Applies objects as the administrator, in order. @throws Error with the server's answer to the one it refused. */
export async function applyManifests({ connection }: ApiServer, manifests: readonly Manifest[]): Promise<void> {
  const transport = new Transport(connection);
  try {
    for (const manifest of manifests) {
      const { status, body } = await transport.request({
        method: 'PATCH',
        path: `${pathOf(manifest)}?fieldManager=test-admin&force=true`,
        contentType: 'application/apply-patch+yaml',
        body: JSON.stringify(manifest),
      });
      if (status >= 300) throw new Error(`applying ${manifest.kind} ${manifest.metadata.name}: ${status} ${body}`);
    }
  } finally {
    transport.close();
  }
}

/** Deletes objects as the administrator, in order. @throws Error with the server's answer to the one it refused. */
export async function deleteManifests({ connection }: ApiServer, manifests: readonly Manifest[]): Promise<void> {
  const transport = new Transport(connection);
  try {
    for (const manifest of manifests) {
      const { status, body } = await transport.request({ method: 'DELETE', path: pathOf(manifest) });
      if (status >= 300) throw new Error(`deleting ${manifest.kind} ${manifest.metadata.name}: ${status} ${body}`);
    }
  } finally {
    transport.close();
  }
}

function pathOf({ apiVersion, kind, metadata }: Manifest): string {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const place = metadata.namespace ? `/namespaces/${metadata.namespace}` : '';
  return `${root}${place}/${PLURALS[kind]}/${metadata.name}`;
}

/** Asks for a token of a ServiceAccount and writes a kubeconfig with it; resolves with its path. */
export async function serviceAccountKubeconfig(
  { name, url, connection }: ApiServer,
  account: { readonly namespace: string; readonly name: string },
  folder: string,
): Promise<string> {
  const transport = new Transport(connection);
  try {
    const { status, body } = await transport.request({
      method: 'POST',
      path: `/api/v1/namespaces/${account.namespace}/serviceaccounts/${account.name}/token`,
      body: JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} }),
    });
    if (status >= 300) throw new Error(`a token of ${account.namespace}/${account.name}: ${status} ${body}`);
    const { token } = (JSON.parse(body) as { status: { token: string } }).status;
    const path = join(folder, `${name}-${account.name}.kubeconfig`);
    const ca = Buffer.from(connection.ca ?? '').toString('base64');
    const kubeconfig = {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': name,
      contexts: [{ name, context: { cluster: name, user: account.name } }],
      clusters: [{ name, cluster: { server: url, 'certificate-authority-data': ca } }],
      users: [{ name: account.name, user: { token } }],
    };
    writeFileSync(path, JSON.stringify(kubeconfig), { mode: 0o600 });
    return path;
  } finally {
    transport.close();
  }
}
