import { execFile } from 'node:child_process';
import { copyFile, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type AwsEmulator, CAPABILITIES, NODE_FOLDER } from './aws-emulator.ts';
import { HERE } from './cache.ts';
import { dynamoDbFolder } from './dynamodb.ts';
import { whyNoJava } from './java.ts';
import { findPython, pythonOf, virtualEnvironment } from './python.ts';
import { freePort, scratchFolder, startServer } from './server.ts';

const VERSIONS = ['3.13'];
const SERVICES = [
  ...['sqs', 'dynamodb', 'dynamodbstreams', 'lambda', 'sts', 'iam', 's3', 'logs', 'events', 'scheduler'],
  ...['cloudwatch', 'sns', 'ssm', 'secretsmanager'],
];
/** Where LocalStack's image has what was computed when it was built. */
const INDEX = 'usr/lib/localstack';
const run = promisify(execFile);

/** Why LocalStack cannot run on this machine; undefined when it can. */
export async function whyNoLocalStack(): Promise<string | undefined> {
  if ((await findPython(VERSIONS)) === undefined) return 'no Python 3.13 with venv is on PATH or under pyenv';
  return whyNoJava();
}

/**
 * LocalStack on a free loopback port, without Docker: functions are processes by the plugin beside this file, DynamoDB is the
 * DynamoDB Local from Maven in place of the one that LocalStack would download.
 */
export async function startLocalStack(port?: number): Promise<AwsEmulator> {
  const python = await findPython(VERSIONS);
  const missing = await whyNoLocalStack();
  if (python === undefined || missing !== undefined) throw new Error(`LocalStack cannot start: ${missing}`);
  const [folder, jars] = [await virtualEnvironment('localstack', python, indexServices), await dynamoDbFolder()];
  const java = (await run('sh', ['-c', 'command -v java'])).stdout.trim();
  const scratch = await scratchFolder('localstack');
  await replaceDownloads(scratch);
  await mkdir(join(scratch, 'usr/lib'), { recursive: true });
  await symlink(join(folder, INDEX), join(scratch, INDEX));
  const chosen = port ?? (await freePort());
  const emulator = await startServer({
    command: pythonOf(folder),
    args: ['-m', 'localstack.runtime.main'],
    env: { ...settings(scratch, `127.0.0.1:${chosen}`), JAVA: java, HOME_OF_JARS: jars },
    port: chosen,
    health: '/_localstack/health',
    scratch,
  });
  return { ...emulator, name: 'localstack', capabilities: CAPABILITIES.localstack };
}

/** Makes the index of all operations of AWS once, as LocalStack's image does: at each start it takes seconds and 400 MB. */
async function indexServices(folder: string, python: string): Promise<void> {
  await mkdir(join(folder, INDEX), { recursive: true });
  await run(python, ['-m', 'localstack.aws.spec'], {
    env: { FILESYSTEM_ROOT: folder, OVERRIDE_IN_DOCKER: '0', HOME: folder },
  });
}

/** Puts files where LocalStack looks whether it has downloaded DynamoDB Local and Java already. */
async function replaceDownloads(scratch: string): Promise<void> {
  const libraries = join(scratch, 'var/lib/localstack/lib');
  const [jar, java] = [join(libraries, 'dynamodb-local/2'), join(libraries, 'java/21/bin')];
  for (const folder of [jar, java, join(scratch, 'tmp')]) await mkdir(folder, { recursive: true });
  await writeFile(join(jar, 'DynamoDBLocal.jar'), '');
  await copyFile(join(HERE, 'localstack/java-wrapper'), join(java, 'java'));
}

function settings(scratch: string, address: string): NodeJS.ProcessEnv {
  return {
    HOME: scratch,
    // Function code is unzipped there.
    TMPDIR: join(scratch, 'tmp'),
    PATH: `${NODE_FOLDER}:/usr/bin:/bin`,
    LANG: 'C.UTF-8',
    // Entry points are read from the dist-info folder: nothing to install, and an edit counts at the next start.
    PYTHONPATH: join(HERE, 'localstack/plugin'),
    PYTHONDONTWRITEBYTECODE: '1',
    FILESYSTEM_ROOT: scratch,
    // A /.dockerenv file would make it write to /var/lib/localstack and download Java.
    OVERRIDE_IN_DOCKER: '0',
    GATEWAY_LISTEN: address,
    // Its own server listens on all interfaces whatever the line above says.
    GATEWAY_SERVER: 'bound',
    // Addresses in answers: an ordinary one, not a public name with wildcards.
    LOCALSTACK_HOST: address,
    SQS_ENDPOINT_STRATEGY: 'path',
    HOSTNAME_FROM_LAMBDA: '127.0.0.1',
    DNS_ADDRESS: '0',
    SKIP_SSL_CERT_DOWNLOAD: '1',
    DISABLE_EVENTS: '1',
    EAGER_SERVICE_LOADING: '0',
    STRICT_SERVICE_LOADING: '1',
    SERVICES: SERVICES.join(','),
    // The other provider would start a Kinesis server that is installed separately.
    PROVIDER_OVERRIDE_DYNAMODB: 'v2',
    PROVIDER_OVERRIDE_DYNAMODBSTREAMS: 'v2',
    DYNAMODB_IN_MEMORY: '1',
    DYNAMODB_SHARE_DB: '1',
    LAMBDA_RUNTIME_EXECUTOR: 'process',
    // 1 s and 10 s otherwise, which every test would wait for.
    LAMBDA_EVENT_SOURCE_MAPPING_POLL_INTERVAL_SEC: '0.01',
    LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_EMPTY_POLL_SEC: '0.1',
  };
}
