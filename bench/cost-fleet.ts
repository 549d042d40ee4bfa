import { topology } from '../stacks/topology.ts';
import type { Installation } from './cost-rest.ts';

/** Outcomes a message can have; with the queue they make the series of one metric, its age makes another. */
const OUTCOMES = 3;

/** One installation names its members in one secret of 64 KiB, which is some 370 of them; this leaves room for longer names. */
const MOST_MEMBERS = 300;

/** The installations a fleet is divided into, alike: as few as take it. */
export function installationsOf(clusters: number): readonly Installation[] {
  const parts = Math.ceil(clusters / MOST_MEMBERS);
  return Array.from({ length: parts }, () => installationOf(Math.ceil(clusters / parts)));
}

/** What the production stage deploys for so many clusters, of which each cluster is of EKS and admits the functions: that costs nothing. */
function installationOf(clusters: number): Installation {
  const connectionOf = (name: string) => ({ url: `https://${name}.example.com:6443`, eks: name });
  const { mappings, alarms, secrets, functions } = topology('production', {
    hub: { kind: 'kubernetes', workspace: 'root', epoch: 0, connection: connectionOf('hub') },
    members: Array.from({ length: clusters }, (_, at) => ({
      name: `member-${at}`,
      syncTarget: { workspace: 'root', name: `member-${at}` },
      epoch: 0,
      connection: connectionOf(`member-${at}`),
    })),
  });
  return {
    clusters,
    mappings: mappings.length,
    alarms: alarms.length,
    secrets: secrets.length,
    metrics: mappings.length * (OUTCOMES + 1) + functions.length,
  };
}
