import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fleetFile } from './recorded.ts';

/** `npm run deploy` with a stand-in for the program `sst`, and a server that says who deploys. */
const root = resolve(import.meta.dirname, '../..');

const IDENTITY = `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws:iam::123456789012:user/deployer</Arn><UserId>A</UserId><Account>123456789012</Account>
</GetCallerIdentityResult></GetCallerIdentityResponse>`;

describe('npm run deploy', () => {
  let folder: string;
  let server: Server;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tmc-deploy-'));
    const sst = join(folder, 'sst');
    writeFileSync(
      sst,
      `#!/bin/sh\necho "$@ hold=$TMC_HOLD telemetry=$SST_TELEMETRY_DISABLED" > ${folder}/called\nexit \${TMC_HOLD:+7}\n`,
    );
    chmodSync(sst, 0o755);
    server = createServer((_request, response) =>
      response.writeHead(200, { 'content-type': 'text/xml' }).end(IDENTITY),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });

  afterAll(() => {
    server.close();
    rmSync(folder, { recursive: true });
  });

  async function deploy(args: string[], env: Record<string, string | undefined> = {}) {
    rmSync(join(folder, 'called'), { force: true });
    const child = spawn(process.execPath, [join(root, 'scripts/deploy.ts'), ...args], {
      env: {
        ...process.env,
        SST_BIN_PATH: join(folder, 'sst'),
        TMC_FLEET: fleetFile('plain'),
        AWS_ENDPOINT_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        AWS_REGION: 'eu-central-1',
        AWS_ACCESS_KEY_ID: 'id',
        AWS_SECRET_ACCESS_KEY: 'secret',
        ...env,
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const said: Buffer[] = [];
    child.stderr.on('data', (chunk: Buffer) => said.push(chunk));
    const [code] = await once(child, 'close');
    return { code: code as number, said: Buffer.concat(said).toString() };
  }

  const called = () => readFileSync(join(folder, 'called'), 'utf8').trim();
  const isCalled = () => {
    try {
      return called() !== '';
    } catch {
      return false;
    }
  };

  it('says what it deploys where, runs sst with the other options, and ends as that ends', async () => {
    const { code, said } = await deploy(['--stage', 'staging', '--hold', '--print-logs']);
    expect(said).toMatch(/Deploying stage staging of .*fleet-plain\.yaml to account 123456789012, region eu-central-1/);
    expect(called()).toBe('deploy --stage staging --print-logs hold=1 telemetry=1');
    // The wrapper that npm installs for sst makes one code of all failures.
    expect(code).toBe(1);
    expect(await deploy(['--stage=dev'])).toMatchObject({ code: 0 });
    expect(called()).toBe('deploy --stage dev hold= telemetry=1');
  });

  it.each([
    { what: 'no stage', args: [], code: 2, said: '--stage is missing' },
    {
      what: 'a stage there is not',
      args: ['--stage', 'prod'],
      code: 1,
      said: 'there is no stage "prod": the stages are dev',
    },
    {
      what: 'no fleet file',
      env: { TMC_FLEET: '/nowhere/fleet.yaml' },
      code: 1,
      said: 'cannot read the fleet file /nowhere/fleet.yaml',
    },
    {
      what: 'AWS that does not answer',
      env: { AWS_ENDPOINT_URL: 'http://127.0.0.1:1', AWS_MAX_ATTEMPTS: '1' },
      code: 1,
      said: 'cannot ask AWS who deploys (sts:GetCallerIdentity): connect ECONNREFUSED 127.0.0.1:1; set AWS_REGION',
    },
  ])('stops before sst starts with $what', async ({ args = ['--stage', 'dev'], env = {}, code, said }) => {
    const result = await deploy(args, env);
    expect(result.said).toContain(said);
    expect(result.code).toBe(code);
    expect(isCalled()).toBe(false);
  });
});
