import { createHash } from 'node:crypto';

/**
 * Names derived by hashing. The algorithms and their test vectors are those of upstream TMC: they are a wire contract,
 * other tools select on these labels and namespaces.
 */

const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** The identity of a SyncTarget as the locator carries it. */
type LocatorTarget = { cluster: string; name: string; uid: string };

/** Where a downstream namespace comes from: one upstream namespace of one workspace, for one target. */
export type NamespaceLocator = { syncTarget: LocatorTarget; cluster: string; namespace: string };

/** Key of a target: base62(SHA-224(`<cluster>:<name>`)), at most 38 characters, so it fits in a label name. */
export function targetKey(workspace: string, targetName: string): string {
  return encode(sha224(`${workspace}:${targetName}`), 62);
}

/** The locator's JSON, in exact field order and without spaces: it is hashed and compared as text. */
export function formatLocator({ syncTarget, cluster, namespace }: NamespaceLocator): string {
  const { cluster: targetCluster, name, uid } = syncTarget;
  return JSON.stringify({ syncTarget: { cluster: targetCluster, name, uid }, cluster, namespace });
}

/** Hashed downstream namespace: `kcp-` and 12 characters of lower-case base36(SHA-224(locator)). */
export function downstreamNamespaceName(locator: NamespaceLocator): string {
  return `kcp-${encode(sha224(formatLocator(locator)), 36).slice(0, 12)}`;
}

/** Label value that all downstream namespaces of one workspace on one target share. */
export function tenantId(locator: NamespaceLocator): string {
  return encode(sha224(formatLocator({ ...locator, namespace: '' })), 62);
}

function sha224(text: string): bigint {
  return BigInt(`0x${createHash('sha224').update(text).digest('hex')}`);
}

/** The whole number in the given base, most significant digit first, without padding. */
function encode(value: bigint, base: 36 | 62): string {
  let rest = value;
  let digits = '';
  do {
    digits = ALPHABET[Number(rest % BigInt(base))] + digits;
    rest /= BigInt(base);
  } while (rest > 0n);
  return digits;
}
