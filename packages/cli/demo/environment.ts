import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Kubesim, startKubesim } from '@tmc/kubesim/index.ts';
import { EAST, WEST } from './manifests.ts';

/** The API servers of a demo, by their kubeconfig files. */
export type DemoServers = {
  readonly hub: { readonly kubeconfig: string; readonly context?: string };
  readonly members: readonly { readonly name: string; readonly kubeconfig: string }[];
  /** What was started, one line each. */
  readonly describe: readonly string[];
  close(): Promise<void>;
};

/** A hub and two members on the project's own API-server simulator; kubeconfig files go to the folder. */
export async function simulatedServers(folder: string): Promise<DemoServers> {
  const started: Kubesim[] = [];
  const start = async (name: string, faker: boolean) => {
    const server = await startKubesim({ kind: 'kube', ...(faker ? { faker: {} } : {}) });
    started.push(server);
    const kubeconfig = join(folder, `${name}.kubeconfig`);
    writeFileSync(kubeconfig, server.kubeconfig(), { mode: 0o600 });
    return { name, kubeconfig, url: server.url };
  };
  const hub = await start('hub', false);
  const members = [await start(WEST.member, true), await start(EAST.member, true)];
  return {
    hub: { kubeconfig: hub.kubeconfig },
    members,
    describe: [`hub at ${hub.url}, ${members.map((m) => `${m.name} at ${m.url}`).join(', ')} (simulated API servers)`],
    close: async () => void (await Promise.all(started.map((server) => server.close()))),
  };
}

/** API servers of the user's own. @throws Error when a member is missing or not `name=kubeconfig`. */
export function externalServers(options: {
  hub: string;
  hubContext?: string;
  members: readonly string[];
}): DemoServers {
  const members = options.members.map((text) => {
    const [name, kubeconfig] = text.split('=', 2);
    if (!name || !kubeconfig) throw new Error(`--member takes name=kubeconfig, received "${text}"`);
    return { name, kubeconfig: resolve(kubeconfig) };
  });
  for (const { member } of [WEST, EAST]) {
    if (!members.some((m) => m.name === member)) throw new Error(`--hub needs --member ${member}=<kubeconfig> too`);
  }
  const hub = { kubeconfig: resolve(options.hub), ...(options.hubContext ? { context: options.hubContext } : {}) };
  return {
    hub,
    members,
    describe: [`hub by ${hub.kubeconfig}, members ${members.map((m) => `${m.name} by ${m.kubeconfig}`).join(', ')}`],
    close: async () => undefined,
  };
}
