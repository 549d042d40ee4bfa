import { spawn } from 'node:child_process';
import { pathToFileURL } from 'node:url';

/** A module whose import is timed; of a function, the variables it reads. */
export type Subject = { readonly name: string; readonly path: string; readonly variables?: readonly string[] };

/** One start: the import, the resident set after it, and of a function what its first invocations took. */
export type ColdStart = {
  readonly importMs: number;
  /** Of all threads: says more than the clock where others use the machine too. */
  readonly importCpuMs: number;
  readonly rssBytes: number;
  /** Until a whole environment was checked, of which one variable was missing. */
  readonly checkedMs?: number;
  /** With that variable too: until a batch without records was answered, for functions that consume a queue. */
  readonly wiredMs?: number;
};

/** What Lambda would give for a small fleet; nothing is reached at these addresses. */
const CLOSED = 'http://127.0.0.1:9';
const CONNECTION = { url: CLOSED, token: 'made-up' };
const ENVIRONMENT: Readonly<Record<string, string>> = {
  TMC_HUB: JSON.stringify({ kind: 'kubernetes', workspace: 'shop', connection: CONNECTION }),
  TMC_MEMBERS: JSON.stringify([
    { name: 'west', syncTarget: { workspace: 'shop', name: 'west' }, connection: CONNECTION },
  ]),
  TMC_TABLE: 'tmc',
  TMC_QUEUES: JSON.stringify(
    Object.fromEntries(
      ['placement', 'sync', 'status', 'recovery'].map((name) => [
        name,
        { url: `${CLOSED}/1/${name}`, deadLetterUrl: `${CLOSED}/1/${name}-dead` },
      ]),
    ),
  ),
  POWERTOOLS_LOG_LEVEL: 'ERROR',
  AWS_ENDPOINT_URL: CLOSED,
  AWS_REGION: 'eu-central-1',
  AWS_ACCESS_KEY_ID: 'made-up',
  AWS_SECRET_ACCESS_KEY: 'made-up',
};

/** Arguments: address of the module, name and value of the variable that is missing at first. The last line of output is the result. */
const START = `
const [url, missing, value] = process.argv.slice(1);
const timed = async (call) => {
  const from = performance.now();
  const said = await call();
  return { said, ms: performance.now() - from };
};
const used = process.cpuUsage();
const { said: module, ms: importMs } = await timed(() => import(url));
const { user, system } = process.cpuUsage(used);
const result = { importMs, importCpuMs: (user + system) / 1000, rssBytes: process.memoryUsage.rss() };
if (missing) {
  const context = { getRemainingTimeInMillis: () => 10_000, functionName: 'f', awsRequestId: 'q' };
  const invoke = () => module.handler({ Records: [] }, context).then(() => 'answered', (error) => error.message);
  const checked = await timed(invoke);
  if (!checked.said.includes(missing)) throw new Error('said of its environment: ' + checked.said);
  result.checkedMs = checked.ms;
  process.env[missing] = value;
  const wired = await timed(invoke);
  if (wired.said === 'answered') result.wiredMs = wired.ms;
}
console.log('\\n' + JSON.stringify(result));
process.exit(0);
`;

/** Starts a process that imports the module and invokes what it exports. @throws Error with its output when it fails. */
export async function coldStart({ name, path, variables }: Subject, cwd: string): Promise<ColdStart> {
  const missing = variables?.find((variable) => variable === 'TMC_TABLE') ?? variables?.find((v) => v === 'TMC_QUEUES');
  const { [missing ?? '']: value, ...env } = ENVIRONMENT;
  const args = ['--input-type=module', '--eval', START, pathToFileURL(path).href];
  if (missing !== undefined && value !== undefined) args.push(missing, value);
  const child = spawn(process.execPath, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: 30_000 });
  let output = '';
  let log = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
  const code = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  const last = output.trim().split('\n').at(-1) ?? '';
  if (code !== 0 || !last.startsWith('{')) throw new Error(`${name} ended with ${code}: ${output}${log}`);
  return JSON.parse(last) as ColdStart;
}
