/**
 * `npm run emulator -- start ministack|localstack|dynamodb|elasticmq [--port N] [--json]`: one emulator in the foreground until SIGINT or
 * SIGTERM, on 127.0.0.1 and its usual port, or a free one for `--port 0`. Prints how to use it, with `--json` one line
 * `{"endpoint":"…","pid":N}` of which SIGTERM to the pid stops everything. Exits with 0 when stopped, 1 when it could not start or ended
 * by itself, 2 for a command line that makes no sense.
 */
import { createServer } from 'node:net';
import { parseArgs } from 'node:util';
import { REGION } from '../test/emulators/aws-emulator.ts';
import { startDynamoDb } from '../test/emulators/dynamodb.ts';
import { startElasticMq } from '../test/emulators/elasticmq.ts';
import { whyNoJava } from '../test/emulators/java.ts';
import { startLocalStack, whyNoLocalStack } from '../test/emulators/localstack.ts';
import { startMiniStack, whyNoMiniStack } from '../test/emulators/ministack.ts';
import { type Emulator, freePort } from '../test/emulators/server.ts';

type Kind = {
  readonly port: number;
  readonly start: (port: number) => Promise<Emulator>;
  readonly missing: () => Promise<string | undefined>;
  /** What to do with it, once the variables below are set. */
  readonly use: string;
};
type Choice = { readonly name: string; readonly kind: Kind; readonly port: number; readonly json: boolean };

const KINDS: Readonly<Record<string, Kind>> = {
  ministack: { port: 4566, start: startMiniStack, missing: whyNoMiniStack, use: 'npm run deploy:ministack' },
  localstack: { port: 4566, start: startLocalStack, missing: whyNoLocalStack, use: 'npm run deploy:local' },
  dynamodb: {
    port: 8000,
    start: startDynamoDb,
    missing: whyNoJava,
    use: 'the table alone: set AWS_ENDPOINT_URL_DYNAMODB',
  },
  elasticmq: {
    port: 9324,
    start: startElasticMq,
    missing: whyNoJava,
    use: 'the queues alone: set AWS_ENDPOINT_URL_SQS',
  },
};
const USAGE = `npm run emulator -- start ${Object.keys(KINDS).join('|')} [--port N] [--json]`;
const MAX_PORT = 65_535;

/** @throws with one line about what is wrong with the arguments */
function choose(args: string[]): Choice {
  const { positionals, values } = parseArgs({
    args,
    allowPositionals: true,
    options: { port: { type: 'string' }, json: { type: 'boolean', default: false } },
  });
  const [verb, name = '', ...rest] = positionals;
  if (verb !== 'start' || rest.length > 0) throw new Error(`usage: ${USAGE}`);
  const kind = Object.hasOwn(KINDS, name) ? KINDS[name] : undefined;
  if (kind === undefined) throw new Error(`there is no emulator "${name}"; usage: ${USAGE}`);
  const port = Number(values.port ?? kind.port);
  if (!Number.isInteger(port) || port < 0 || port > MAX_PORT) {
    throw new Error(`--port must be a whole number from 0 to ${MAX_PORT}, not "${values.port}"`);
  }
  return { name, kind, port, json: values.json };
}

async function start({ name, kind, port }: Choice): Promise<Emulator> {
  const missing = await kind.missing();
  if (missing !== undefined) throw new Error(`${name} cannot start on this machine: ${missing}`);
  if (port !== 0 && !(await isFree(port))) {
    throw new Error(`port ${port} of 127.0.0.1 is in use; --port chooses another, --port 0 a free one`);
  }
  console.error(`Starting ${name}; the first time, what it needs is downloaded into .cache/emulators…`);
  return kind.start(port === 0 ? await freePort() : port);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

function explain({ name, kind }: Choice, { endpoint }: Emulator): string {
  return `${name} at ${endpoint}; Ctrl-C stops it.

  export AWS_ENDPOINT_URL=${endpoint}
  export AWS_REGION=${REGION}
  export AWS_ACCESS_KEY_ID=test
  export AWS_SECRET_ACCESS_KEY=test

In another terminal, with these: ${kind.use}`;
}

/** Resolves with the exit code once the emulator has been stopped, or has ended by itself. */
async function serve(choice: Choice): Promise<number> {
  // From now on, for a signal may come while it starts.
  const stopped = new Promise<'stopped'>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => resolve('stopped'));
  });
  const emulator = await start(choice);
  console.log(
    choice.json ? JSON.stringify({ endpoint: emulator.endpoint, pid: process.pid }) : explain(choice, emulator),
  );
  const why = await Promise.race([stopped, emulator.ended]);
  await emulator.stop();
  if (why === 'stopped') return 0;
  console.error(`${choice.name} ended by itself`);
  return 1;
}

/** The message of an error without its trace: what is wrong is outside this program. */
async function main(args: string[]): Promise<number> {
  let choice: Choice;
  try {
    choice = choose(args);
  } catch (error) {
    console.error((error as Error).message);
    return 2;
  }
  try {
    return await serve(choice);
  } catch (error) {
    console.error((error as Error).message);
    return 1;
  }
}

process.exit(await main(process.argv.slice(2)));
