import { startRelayProcess } from '@tmc/host/relay/process.ts';
import closeWithGrace from 'close-with-grace';
import type { RelayOptions } from './relay-options.ts';
import { relaySettings } from './relay-settings.ts';

/** Beyond the drain: closing connections and saving checkpoints. */
const CLOSE_MS = 5_000;

/** `tmc relay`: starts one relay and keeps it running until SIGTERM or SIGINT, then drains. */
export async function runRelay(options: RelayOptions): Promise<void> {
  const config = relaySettings(options, process.env);
  const relay = await startRelayProcess(config);
  closeWithGrace({ delay: config.drainMs + CLOSE_MS, logger: false }, async ({ err }) => {
    if (err) console.error(err.message);
    await relay.stop();
  });
}
