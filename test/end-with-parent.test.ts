import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { expect, it } from 'vitest';

/** What starts a server that holds this process's pipe open for as long as it lives. */
const STARTER = `
  import { spawn } from 'node:child_process';
  import { endWithParent } from ${JSON.stringify(resolve(import.meta.dirname, 'emulators/end-with-parent.ts'))};
  const server = spawn('sleep', ['600'], { stdio: ['ignore', 'inherit', 'ignore'] });
  endWithParent(server);
  process.stdout.write('started');
`;

it.each(['SIGINT', 'SIGTERM', 'SIGKILL'] as const)('%s of who started a server ends the server', async (signal) => {
  const starter = spawn(process.execPath, ['--input-type=module-typescript', '--eval', STARTER], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(starter.stdout, 'close');
  await once(starter.stdout, 'data');
  starter.kill(signal);
  const [, endedBy] = await once(starter, 'exit');
  expect(endedBy).toBe(signal);
  // Not before nobody writes to it any more.
  await closed;
});
