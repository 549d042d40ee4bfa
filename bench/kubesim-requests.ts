import { type ClientHttp2Session, connect } from 'node:http2';
import { deployment } from '@tmc/testkit/objects.ts';

export type Server = { readonly url: string; readonly caPem: string; readonly token: string };
export type Ask = {
  readonly method: string;
  readonly path: string;
  readonly body?: string;
  readonly contentType?: string;
};

/** A bare HTTP/2 client: as cheap as can be, so that the server is what is measured. */
export class Requests {
  readonly #session: ClientHttp2Session;
  readonly #authorization: string;

  constructor({ url, caPem, token }: Server) {
    this.#session = connect(url, { ca: caPem });
    this.#authorization = `Bearer ${token}`;
  }

  /** The text of the answer. @throws Error when it is none of success. */
  send({ method, path, body, contentType = 'application/json' }: Ask): Promise<string> {
    return new Promise((resolve, reject) => {
      const headers = {
        ':method': method,
        ':path': path,
        authorization: this.#authorization,
        'content-type': contentType,
      };
      const stream = this.#session.request(headers, { endStream: body === undefined });
      let status = 0;
      let text = '';
      stream.setEncoding('utf8');
      stream.on('response', (answer) => {
        status = answer[':status'] ?? 0;
      });
      stream.on('data', (part) => {
        text += part;
      });
      stream.on('error', reject);
      stream.on('end', () => {
        if (status < 300) resolve(text);
        else reject(new Error(`${method} ${path}: ${status} ${text.slice(0, 200)}`));
      });
      if (body !== undefined) stream.end(body);
    });
  }

  close(): void {
    this.#session.destroy();
  }
}

const COLLECTION = '/apis/apps/v1/namespaces/default/deployments';
const nameOf = (index: number) => `web-${index}`;
const objectOf = (index: number, image: string) => ({
  ...deployment(
    { name: nameOf(index), namespace: 'default', annotations: { 'shop.test/owner': `team-${index % 20}` } },
    { image },
  ),
});

/** The writes the bench counts, by object number. Each changes something. */
export const WRITES = {
  create: (index: number): Ask => ({
    method: 'POST',
    path: COLLECTION,
    body: JSON.stringify(objectOf(index, 'nginx:1.27')),
  }),
  update: (index: number): Ask => ({
    method: 'PUT',
    path: `${COLLECTION}/${nameOf(index)}`,
    body: JSON.stringify(objectOf(index, 'nginx:1.28')),
  }),
  patch: (index: number): Ask => ({
    method: 'PATCH',
    path: `${COLLECTION}/${nameOf(index)}`,
    contentType: 'application/merge-patch+json',
    body: JSON.stringify({ spec: { replicas: 7 }, metadata: { labels: { changed: 'yes' } } }),
  }),
  apply: (index: number): Ask => ({
    method: 'PATCH',
    path: `${COLLECTION}/${nameOf(index)}?fieldManager=bench&force=true`,
    contentType: 'application/apply-patch+yaml',
    body: JSON.stringify(objectOf(index, 'nginx:1.29')),
  }),
  configMap: (index: number): Ask => ({
    method: 'POST',
    path: '/api/v1/namespaces/default/configmaps',
    body: JSON.stringify({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: `settings-${index}` },
      data: { mode: 'fast' },
    }),
  }),
} as const;
export type Write = keyof typeof WRITES;

/** Sends a write for each object of a range, so many at a time. */
export async function writeAll(
  requests: Requests,
  write: Write,
  range: { from: number; to: number; atOnce: number },
): Promise<void> {
  let next = range.from;
  const one = async () => {
    while (next < range.to) await requests.send(WRITES[write](next++));
  };
  await Promise.all(Array.from({ length: range.atOnce }, one));
}
