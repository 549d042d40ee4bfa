import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openKubernetes } from '@tmc/adapters/fleet/kubeconfigs.ts';
import { type Host, startHost } from '@tmc/host/host.ts';
import type { HubApi } from '@tmc/kernel/ports.ts';
import { type DemoServers, externalServers, simulatedServers } from './environment.ts';
import { removeLeftovers } from './leftovers.ts';
import { EAST, WEST, WORKSPACE } from './manifests.ts';
import { type Output, present, StepFailed } from './present.ts';
import { CLEANUP, type DemoContext, STEPS, type Step } from './steps.ts';

export type DemoOptions = {
  readonly debug: boolean;
  readonly skipCleanup: boolean;
  readonly forceRecreate: boolean;
  readonly hub?: string;
  readonly hubContext?: string;
  /** `name=kubeconfig` each. */
  readonly member: readonly string[];
};

/** Runs the walkthrough; the returned exit code is 0 only when every step held. */
export async function runDemo(options: DemoOptions, output: Output): Promise<number> {
  const startedAt = performance.now();
  const folder = mkdtempSync(join(tmpdir(), 'tmc-demo-'));
  const stage = new Stage(options, folder);
  try {
    const walkthrough = options.skipCleanup ? STEPS : [...STEPS, ...CLEANUP];
    await present([stage.start, ...walkthrough], () => stage.context(), output);
    output.write(
      `\nPASS  ${walkthrough.length + 1} steps in ${((performance.now() - startedAt) / 1000).toFixed(1)} s\n`,
    );
    if (options.skipCleanup) await explore(stage.servers(), output);
    return 0;
  } catch (error) {
    const failed = error instanceof StepFailed ? `${error.step}\n      ${error.message}` : String(error);
    output.write(`\nFAIL  ${failed}\n`);
    return 1;
  } finally {
    await stage.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The servers and the host the walkthrough runs on; started as its first step, so that a failing start is a failed step. */
class Stage {
  readonly #options: DemoOptions;
  readonly #folder: string;
  #servers: DemoServers | undefined;
  #host: Host | undefined;
  #context: DemoContext | undefined;

  constructor(options: DemoOptions, folder: string) {
    this.#options = options;
    this.#folder = folder;
  }

  readonly start: Step = {
    title: `Start the hub with workspace ${WORKSPACE}, member clusters ${WEST.member} and ${EAST.member}, host and relays`,
    run: () => this.#start(),
  };

  context(): DemoContext {
    // The first step asks before there is one: it is the step that makes it.
    return this.#context ?? ({ workspace: WORKSPACE } as DemoContext);
  }

  servers(): DemoServers {
    if (!this.#servers) throw new Error('the demo has not started');
    return this.#servers;
  }

  async #start(): Promise<string[]> {
    const { hub, hubContext, member } = this.#options;
    const servers = hub
      ? externalServers({ hub, ...(hubContext === undefined ? {} : { hubContext }), members: member })
      : await simulatedServers(this.#folder);
    this.#servers = servers;
    const open = (kubeconfig: string, workspace: string, context?: string): Promise<HubApi> =>
      openKubernetes({ kubeconfig, workspace, ...(context === undefined ? {} : { context }) });
    const members = await Promise.all(
      servers.members.map(async (m) => [m.name, await open(m.kubeconfig, m.name)] as const),
    );
    const userHub = await open(servers.hub.kubeconfig, WORKSPACE, servers.hub.context);
    this.#context = { workspace: WORKSPACE, hub: userHub, members: Object.fromEntries(members) };
    if (this.#options.forceRecreate) await removeLeftovers(this.#context);
    this.#host = await startHost({
      hub: { kind: 'kubernetes', workspace: WORKSPACE, installApis: true, epoch: 0, ...servers.hub },
      members: servers.members.map((m) => ({
        name: m.name,
        kubeconfig: m.kubeconfig,
        syncTarget: { workspace: WORKSPACE, name: m.name === WEST.member ? WEST.target : EAST.target },
        epoch: 0,
      })),
      state: { path: join(this.#folder, 'state.db') },
      listen: { health: '127.0.0.1:0', metrics: '127.0.0.1:0' },
      heartbeat: { intervalMs: 1000, thresholdMs: 15_000 },
      sourceClusterName: 'kcp-virtual',
      log: { level: this.#options.debug ? 'debug' : 'silent' },
    });
    await this.#host.ready();
    return [
      ...servers.describe,
      `host is ready: health on ${this.#host.endpoints.health}, metrics on ${this.#host.endpoints.metrics}`,
    ];
  }

  async close(): Promise<void> {
    await this.#host?.stop();
    await this.#servers?.close();
  }
}

/** Keeps everything running until interrupted, and says how to look at it. */
async function explore(servers: DemoServers, output: Output): Promise<void> {
  const lines = [
    'Everything keeps running; Ctrl-C stops and removes it.',
    '',
    `  export KUBECONFIG=${servers.hub.kubeconfig}      # the workspace`,
    '  kubectl get deployments,services,pods -n demo-app',
    '  kubectl get synctargets -o wide',
    ...servers.members.map(
      (m) => `  kubectl --kubeconfig ${m.kubeconfig} get deployments,services,pods -n demo-app --show-labels`,
    ),
  ];
  output.write(`\n${lines.join('\n')}\n`);
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
}
