import { readFileSync, statSync } from 'node:fs';

/** How to reach one API server as one identity; `kubeconfig.ts` makes it from a kubeconfig, functions from a small JSON. */
export type KubeConnection = {
  /** Base URL; a path in it (`/clusters/root:tmc`) goes in front of every request path. */
  readonly url: string;
  /** PEM of the authorities to trust; the system's when absent. */
  readonly ca?: string;
  /** PEM of the client certificate and its key. */
  readonly cert?: string;
  readonly key?: string;
  /** Does not check the server's certificate. */
  readonly insecure?: boolean;
  /** Name to expect in the server's certificate, when it is not the host of the URL. */
  readonly serverName?: string;
  /** Value of the `authorization` header. Asked for every request: it must answer from memory and renew by itself. */
  readonly authorization?: () => string | undefined | Promise<string | undefined>;
  /** Told the value of `authorization` that the server answered with 401, so that another one is used from then on. */
  readonly refused?: (authorization: string) => void;
  /** Where `authorization` comes from, for the text of a 401: places and names, never content. */
  readonly credentials?: Credentials;
};

/** Where an authorization header comes from. */
export type Credentials =
  | { readonly kind: 'token' | 'password' }
  | { readonly kind: 'token-file'; readonly path: string }
  | { readonly kind: 'plugin'; readonly name: string }
  /** Of Secrets Manager or Systems Manager, read again when its token is refused. */
  | { readonly kind: 'secret' | 'parameter'; readonly name: string }
  | { readonly kind: 'eks'; readonly cluster: string };

/** The same identity at another URL, as kcp's export endpoints need it. */
export function atUrl(connection: KubeConnection, url: string): KubeConnection {
  return { ...connection, url };
}

/** An `authorization()` for a token that never changes. */
export function bearerToken(token: string): () => string {
  const value = `Bearer ${token}`;
  return () => value;
}

/** Tokens mounted into pods are replaced about hourly, well before they expire; a look each second costs nothing. */
const TOKEN_CHECK_MS = 1_000;

/**
 * An `authorization()` for a token in a file that others renew: read again when its modification time changed.
 * A file that cannot be read for a moment (being replaced) keeps the last token; @throws at the first call only.
 */
export function tokenFile(path: string, clock: () => number = Date.now): () => string {
  let value: string | undefined;
  let readAtMtimeMs = -1;
  let checkedAtMs = Number.NEGATIVE_INFINITY;
  return () => {
    const nowMs = clock();
    if (value !== undefined && nowMs - checkedAtMs < TOKEN_CHECK_MS) return value;
    checkedAtMs = nowMs;
    try {
      const { mtimeMs } = statSync(path);
      if (mtimeMs !== readAtMtimeMs) {
        value = `Bearer ${readFileSync(path, 'utf8').trim()}`;
        readAtMtimeMs = mtimeMs;
      }
    } catch (error) {
      if (value === undefined) throw error;
    }
    return value as string;
  };
}
