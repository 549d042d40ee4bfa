import { loadHostConfig } from '@tmc/host/config.ts';
import { startHost } from '@tmc/host/host.ts';
import closeWithGrace from 'close-with-grace';

/** How long draining may take before the process ends anyway; what is unfinished is finished by the next start. */
const GRACE_MS = 20_000;

/** `tmc run`: starts the embedded host and keeps it running until SIGTERM or SIGINT, then drains. */
export async function runHost(configPath: string): Promise<void> {
  const host = await startHost(loadHostConfig(configPath));
  closeWithGrace({ delay: GRACE_MS, logger: false }, async ({ err }) => {
    if (err) console.error(err.message);
    await host.stop();
  });
}
