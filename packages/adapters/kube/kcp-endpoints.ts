import { setTimeout as delay } from 'node:timers/promises';
import { type ErrorType, isTmcError, kindOf, messageOf, TmcError, terminalError } from '@tmc/kernel/errors.ts';
import type { ResourceKey } from '@tmc/kernel/key.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import { Api, type ApiOptions } from './api.ts';
import { atUrl } from './connection.ts';
import { HUB_DEADLINE_MS } from './hub-objects.ts';
import { objectPath } from './paths.ts';
import { createWatchSource } from './watch.ts';

const SLICES = { group: 'apis.kcp.io', resource: 'apiexportendpointslices' } as const;
/** One watch of the slice; its end costs one read. */
const WATCH_SECONDS = 300;
/** Pause after a watch that ended or failed, doubled with each failure: kcp restarting answers at once and wrongly. */
const PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;

export type ExportRef = {
  /** Path of the workspace that holds the export, `root:tmc`. */
  readonly exportWorkspace: string;
  readonly exportName: string;
};

/** kcp's own URL: kubeconfigs of kcp point at a workspace, `https://host/clusters/root`. */
export function kcpBaseUrl(url: string): string {
  return url.replace(/\/clusters\/[^/]+\/?$/, '').replace(/\/$/, '');
}

export type KcpEndpoints = {
  /** URLs as last read, one for each shard with a bound workspace. */
  current(): readonly string[];
  /** Why the last look at the slice failed; undefined while all is well. */
  lastError(): string | undefined;
  close(): Promise<void>;
};

/**
 * Follows the URLs an export is served at and tells every change, also the first. Resolves after the first read.
 * @throws TmcError retry when kcp does not answer, terminal when there is no such export or the URL is wrong.
 */
export async function followEndpoints(
  options: ApiOptions & ExportRef,
  changed: (urls: readonly string[]) => void,
): Promise<KcpEndpoints> {
  const { exportWorkspace, exportName } = options;
  const connection = atUrl(options.connection, kcpBaseUrl(options.connection.url));
  const prefix = `/clusters/${exportWorkspace}`;
  const api = new Api({ deadlineMs: HUB_DEADLINE_MS, ...options, connection });
  const slices = createWatchSource({ ...options, connection, prefix });
  const ended = new AbortController();
  const key: ResourceKey = { ...SLICES, workspace: exportWorkspace, namespace: '', name: exportName };
  let urls: readonly string[] | undefined;
  const take = (slice: KubeObject) => {
    const next = urlsOf(slice);
    if (urls && urls.join() === next.join()) return;
    urls = next;
    changed(next);
  };
  const read = async (): Promise<string> => {
    const slice = await api.find({ method: 'GET', path: prefix + objectPath(key), key });
    if (!slice) throw missingExport(options);
    take(slice);
    return slice.metadata.resourceVersion ?? '';
  };
  const follow = async (resourceVersion: string) => {
    const watch = { resourceVersion, timeoutSeconds: WATCH_SECONDS, signal: ended.signal };
    for await (const { type, object } of slices.watch(SLICES, watch)) {
      // Only a slice that is there tells what it holds; a deleted one ends nothing by itself.
      if (object.metadata.name === exportName && (type === 'ADDED' || type === 'MODIFIED')) take(object);
    }
  };
  const first = await read().catch((error) => {
    api.close();
    slices.close();
    throw hintedAt(error, ['ResourceNotFound'], MISSING_EXPORT);
  });
  let lastError: string | undefined;
  const told = (error: unknown) => {
    lastError = error === undefined ? undefined : messageOf(error);
  };
  const following = followForever({ first, read, follow, told, signal: ended.signal });
  return {
    current: () => urls ?? [],
    lastError: () => lastError,
    async close() {
      ended.abort();
      await following;
      api.close();
      slices.close();
    },
  };
}

type Loop = {
  readonly first: string;
  readonly read: () => Promise<string>;
  readonly follow: (resourceVersion: string) => Promise<void>;
  /** Called with an error, and with nothing once it is over. */
  readonly told: (error?: unknown) => void;
  readonly signal: AbortSignal;
};

/** Watches from a revision, reads again after each end. Failures keep the last known URLs: calls to them tell what is wrong. */
async function followForever({ first, read, follow, told, signal }: Loop): Promise<void> {
  let resourceVersion: string | undefined = first;
  let failures = 0;
  while (!signal.aborted) {
    let askedMs = 0;
    try {
      resourceVersion ??= await read();
      told();
      failures = 0;
      await follow(resourceVersion);
    } catch (error) {
      // A watch that expired is no failure: the slice is read again.
      if (kindOf(error) !== 'expired') told(error);
      failures += 1;
      askedMs = isTmcError(error) ? (error.facts.retryAfterMs ?? 0) : 0;
    }
    resourceVersion = undefined;
    const pauseMs = Math.max(askedMs, Math.min(PAUSE_MS * 2 ** Math.max(0, failures - 1), LONGEST_PAUSE_MS));
    await delay(pauseMs, undefined, { signal, ref: false }).catch(() => undefined);
  }
}

function urlsOf(slice: KubeObject): readonly string[] {
  const status = slice['status'] as { endpoints?: { url: string }[] } | undefined;
  return (status?.endpoints ?? []).map(({ url }) => url.replace(/\/$/, '')).sort();
}

function missingExport({ exportWorkspace, exportName }: ExportRef) {
  return terminalError(`workspace ${exportWorkspace} has no endpoint slice of export ${exportName}`, {
    type: 'ConfigurationError',
    hint: MISSING_EXPORT,
  });
}

const MISSING_EXPORT = 'create the export (installApis: true as an administrator) or correct its name and workspace';

/** An error of one of these types with what to change in this place, any other as it is. */
export function hintedAt(error: unknown, types: readonly ErrorType[], hint: string): unknown {
  if (!isTmcError(error) || !types.includes(error.facts.type)) return error;
  return new TmcError(error.kind, error.message, { ...error.facts, hint, cause: error });
}
