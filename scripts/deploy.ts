/**
 * `npm run deploy -- --stage <stage> [--hold] [options of sst deploy]`: checks what a deployment to AWS needs before SST starts, then
 * runs `sst deploy`. `--hold` publishes new versions of the functions and leaves the alias on the old ones.
 */
import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { readFleet } from '../stacks/fleet.ts';
import { identity } from '../stacks/identity.ts';
import { topology } from '../stacks/topology.ts';
import { ensureSstPlatform } from './sst-platform.ts';

const root = resolve(import.meta.dirname, '..');

const USAGE = `npm run deploy -- --stage <dev|staging|production> [--hold] [options of sst deploy]

  --stage  what to deploy; its differences are in stacks/stages.ts
  --hold   publishes new versions of the functions and leaves the alias \`live\` where it is (staging, production)

TMC_FLEET names the fleet file, fleet.yaml unless set. Credentials and region come from where the AWS SDK looks for them.
`;

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error((error as Error).message);
  process.exit(1);
}

async function main(args: string[]): Promise<void> {
  const { stage, isHeld, rest } = read(args);
  const fleet = process.env['TMC_FLEET'] ?? 'fleet.yaml';
  topology(stage, readFleet(resolve(root, fleet)));
  const { account, region } = await identity();
  await ensureSstPlatform((text) => console.error(text));
  console.error(`Deploying stage ${stage} of ${fleet} to account ${account}, region ${region}`);
  await run('sst', ['deploy', '--stage', stage, ...rest], isHeld ? { TMC_HOLD: '1' } : {});
}

function read(args: string[]): { stage: string; isHeld: boolean; rest: string[] } {
  const { values, tokens } = parseArgs({
    args,
    options: { stage: { type: 'string' }, hold: { type: 'boolean' }, help: { type: 'boolean' } },
    strict: false,
    tokens: true,
  });
  if (values.help || typeof values.stage !== 'string') {
    console.error(values.help ? USAGE : `--stage is missing\n\n${USAGE}`);
    process.exit(values.help ? 0 : 2);
  }
  const own = new Set<number>();
  for (const token of tokens) {
    if (token.kind !== 'option' || !['stage', 'hold'].includes(token.name)) continue;
    own.add(token.index);
    if (token.name === 'stage' && !token.inlineValue) own.add(token.index + 1);
  }
  return { stage: values.stage, isHeld: values.hold === true, rest: args.filter((_, index) => !own.has(index)) };
}

function run(name: string, args: string[], environment: Record<string, string>): Promise<void> {
  const env = { SST_TELEMETRY_DISABLED: '1', ...process.env, ...environment };
  const child = spawn(join(root, 'node_modules', '.bin', name), args, { cwd: root, env, stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
  return new Promise((done, fail) => {
    child.on('error', (error) => fail(new Error(`cannot start ${name}: ${error.message}`)));
    child.on('exit', (code) => {
      process.exitCode = code ?? 1;
      done();
    });
  });
}
