/**
 * The embedded host of a bench in a process of its own. Its parent sends the configuration once, then `stages` as often as it
 * likes: answered with the stage times noted since, by object name, and the processor time used since.
 */
import type { HostConfig } from '@tmc/host/config.ts';
import { startHost } from '@tmc/host/host.ts';
import { StageWatch } from './stages.ts';

const stages = new StageWatch();
process.once('disconnect', () => process.exit(1));
process.once('message', (config) => void serve(config as HostConfig));

async function serve(config: HostConfig): Promise<void> {
  const host = await startHost(config, { wrapRuntime: (runtime) => stages.wrap(runtime) });
  await host.ready(60_000);
  let cpu = process.cpuUsage();
  process.on('message', () => {
    const { user, system } = process.cpuUsage(cpu);
    cpu = process.cpuUsage();
    process.send?.({ stages: stages.take(), cpuMs: (user + system) / 1000 });
  });
  process.once('SIGTERM', async () => {
    await host.stop();
    process.exit(0);
  });
  process.send?.('ready');
}
