/**
 * The fence that keeps copies from going backwards. A write downstream is derived from one upstream state, named by
 * (epoch, uid, resourceVersion); a copy records it and only ever moves to a newer one. The epoch rises when resourceVersions
 * start over (etcd restored, shard moved), else every later write would be refused for ever.
 */
export type SourceVersion = { readonly epoch: number; readonly uid: string; readonly rv: string };

/** `epoch/uid/rv`, as it stands in the annotation of a copy. */
export function formatSourceVersion({ epoch, uid, rv }: SourceVersion): string {
  return `${epoch}/${uid}/${rv}`;
}

/** The source version in an annotation, undefined when the text is none (foreign or tampered). */
export function parseSourceVersion(text: string | undefined): SourceVersion | undefined {
  const match = /^(\d+)\/([^/]+)\/(\d+)$/.exec(text ?? '');
  if (!match) return undefined;
  const [, epoch = '0', uid = '', rv = ''] = match;
  return { epoch: Number(epoch), uid, rv };
}

/** Compares resourceVersions of one server as numbers of any length (Kubernetes KEP-5504): negative when a is older. */
export function compareResourceVersions(a: string, b: string): number {
  const x = BigInt(/^\d+$/.test(a) ? a : '0');
  const y = BigInt(/^\d+$/.test(b) ? b : '0');
  return x < y ? -1 : x > y ? 1 : 0;
}

/**
 * Compares two source versions of one key: negative when a is older. A different uid in the same epoch is another incarnation
 * of the object; resourceVersions are drawn from one counter, so the higher one is the later incarnation.
 */
export function compareSourceVersions(a: SourceVersion, b: SourceVersion): number {
  if (a.epoch !== b.epoch) return a.epoch < b.epoch ? -1 : 1;
  return compareResourceVersions(a.rv, b.rv);
}
