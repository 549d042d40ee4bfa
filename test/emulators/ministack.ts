import { type AwsEmulator, CAPABILITIES, NODE_FOLDER, REGION } from './aws-emulator.ts';
import { findPython, pythonOf, virtualEnvironment } from './python.ts';
import { freePort, scratchFolder, startServer } from './server.ts';

const VERSIONS = ['3.13', '3.12', '3.11', '3.10', '3.14'];

/** Why MiniStack cannot run on this machine; undefined when it can. */
export async function whyNoMiniStack(): Promise<string | undefined> {
  if ((await findPython(VERSIONS)) !== undefined) return undefined;
  return 'no Python 3.10 to 3.14 with venv is on PATH or under pyenv';
}

/** MiniStack on a free loopback port, with nothing of this process's environment: the functions would see it. */
export async function startMiniStack(port?: number): Promise<AwsEmulator> {
  const python = await findPython(VERSIONS);
  if (python === undefined) throw new Error(`MiniStack cannot start: ${await whyNoMiniStack()}`);
  const folder = await virtualEnvironment('ministack', python);
  const scratch = await scratchFolder('ministack');
  const chosen = port ?? (await freePort());
  const emulator = await startServer({
    command: pythonOf(folder),
    args: ['-m', 'ministack'],
    env: settings(scratch, chosen),
    port: chosen,
    health: '/_localstack/health',
    scratch,
  });
  return { ...emulator, name: 'ministack', capabilities: CAPABILITIES.ministack };
}

function settings(scratch: string, port: number): NodeJS.ProcessEnv {
  return {
    HOME: scratch,
    // Functions are unzipped there, and not deleted by MiniStack.
    TMPDIR: scratch,
    PATH: `${NODE_FOLDER}:/usr/bin:/bin`,
    LANG: 'C.UTF-8',
    // All interfaces otherwise.
    BIND_HOST: '127.0.0.1',
    GATEWAY_PORT: String(port),
    // Queue URLs name it.
    MINISTACK_HOST: '127.0.0.1',
    MINISTACK_REGION: REGION,
    SFTP_ENABLED: '0',
    IOT_MTLS_ENABLED: '0',
    LOG_LEVEL: 'WARNING',
  };
}
