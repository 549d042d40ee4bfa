import { NAMESPACES, type ResourceType, resourceType, SYNCED_RESOURCES } from '@tmc/apis/resources.ts';

/** What all parts of a chaos run agree on. */

/** Hub id of the relay under test, and workspace of all its objects. */
export const WORKSPACE = 'chaos';
export const NAMESPACE = 'chaos';
/** The relay's name of the one endpoint of a Kubernetes hub; its checkpoints stand under it. */
export const ENDPOINT = 'hub';
export const REGION = 'chaos-1';
/** A fresh object each time: the SDK writes into the one it is given. */
export const credentials = () => ({ accessKeyId: 'chaos', secretAccessKey: 'chaos' });
export const TABLE = 'chaos';

export const LOCATIONS = resourceType({ group: 'scheduling.kcp.io', resource: 'locations' });

/** The kinds that are written, and compared at every rest. Control kinds go to `placement`, the others to `sync`. */
export const COMPARED: readonly ResourceType[] = [NAMESPACES, LOCATIONS, ...SYNCED_RESOURCES];

/**
 * Kinds whose watches read etcd without a cache between: a compaction makes every older revision `410 Gone` at once. The others have
 * the watch cache (bookmarks, WatchList); theirs forgets when the API server restarts.
 */
export const UNCACHED_FLAGS = ['--watch-cache-sizes=secrets#0,deployments.apps#0'];

/** Begins every Secret's value, and stands nowhere else: no message and no log may hold it, plain or in base64. */
export const SECRET_MARK = 'chaos-secret-value';

/** How Node is started where the relay is deployed: `deploy/relay`. */
export const NODE_FLAGS: readonly string[] = ['--max-semi-space-size=2', '--max-old-space-size=192'];
