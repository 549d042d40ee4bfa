import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { apiRoutes } from '@tmc/adapters/lambda/api-routes.ts';
import { relaySettings } from '@tmc/cli/relay-settings.ts';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseFleet, readFleet } from '../../stacks/fleet.ts';
import { STAGES } from '../../stacks/stages.ts';
import { topology } from '../../stacks/topology.ts';
import { commandsOf, flagsOf, isThere, run } from './commands.ts';
import { deployedTables } from './deployed-tables.ts';

/** docs/operations/deploy.md says what is deployed, and its commands exist. Those of MiniStack are run by deploy-walk.test.ts. */

const root = resolve(import.meta.dirname, '..', '..');
const PATH = join(root, 'docs', 'operations', 'deploy.md');
const page = readFileSync(PATH, 'utf8');
const EXAMPLE = join(root, 'deploy', 'fleet.example.yaml');
const MARKS = /(<!-- deployed: [^>]*-->\n)([\s\S]*?)(<!-- end of deployed -->)/;

describe('the example of a fleet file', () => {
  const fleet = readFleet(EXAMPLE);

  it.each(Object.keys(STAGES))('is one that stage %s can be deployed for', (stage) => {
    expect(topology(stage, fleet).roles.map(({ name }) => name)).toEqual([
      'hub-relay',
      'relay-west',
      'relay-east',
      'relay-lab',
    ]);
  });

  it('shows every kind of credential and of trust', () => {
    const connections = [fleet.hub, ...fleet.members].map(({ connection }) => Object.keys(connection));
    for (const kind of ['secret', 'parameter', 'eks']) expect(connections.flat()).toContain(kind);
    const trusts = [fleet.hub, ...fleet.members].map(({ relay }) => relay?.trust?.kind);
    expect(new Set(trusts)).toEqual(new Set(['pod-identity', undefined, 'oidc', 'principal']));
  });

  it('ends with a hub that is kcp, valid once its comment marks are taken away', () => {
    const text = readFileSync(EXAMPLE, 'utf8');
    const commented = text.slice(text.lastIndexOf('# hub:')).replaceAll(/^# ?/gm, '');
    const { hub } = parseFleet(commented, 'the comment');
    expect([hub.kind, hub.relay?.service?.image.endsWith('/tmc-relay:0.1.0')]).toEqual(['kcp', true]);
  });
});

describe('the page about deploying', () => {
  it('has the tables of what is deployed', () => {
    const expected = `\n${deployedTables(topology('production', readFleet(EXAMPLE)))}\n\n`;
    if (process.env['TMC_UPDATE_DOCS'] === '1') {
      writeFileSync(
        PATH,
        page.replace(MARKS, (_all, start, _old, end) => `${start}${expected}${end}`),
      );
      return;
    }
    expect(page.match(MARKS)?.[2]).toBe(expected);
  });

  it('names every field of the example, and the stages there are', () => {
    for (const stage of Object.keys(STAGES)) expect(page).toContain(`\`${stage}\``);
    const section = page.split('\n## The fleet\n')[1]?.split('\n## ')[0] ?? '';
    const fields = fieldsIn(parse(readFileSync(EXAMPLE, 'utf8')));
    expect(fields.size).toBeGreaterThan(15);
    expect([...fields].filter((field) => !new RegExp(`\\b${field}\\b`).test(section))).toEqual([]);
  });

  it('names every route of the API, and both rights of who calls it', () => {
    const routes = apiRoutes({} as Parameters<typeof apiRoutes>[0]).map(({ path }) => path);
    expect(routes.filter((path) => !page.includes(`\`${path}\``))).toEqual([]);
    for (const right of ['lambda:InvokeFunctionUrl', 'lambda:InvokeFunction']) expect(page).toContain(`\`${right}\``);
  });

  it('shows settings of a hub relay on Fargate that are valid there', () => {
    const [text = ''] = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, block]) => block);
    const url = (name: string) => `${name}=https://sqs.eu-central-1.amazonaws.com/111122223333/${name}`;
    const addresses = { queueUrl: ['placement', 'sync', 'recovery'].map(url), table: 't', region: 'eu-central-1' };
    const { hub, election } = relaySettings({ config: 'env:SETTINGS', ...addresses }, { SETTINGS: text });
    expect([hub?.kubeconfigData?.startsWith('current-context: hub'), election.enabled]).toEqual([true, true]);
  });

  it('names the container that messages and other pages name', () => {
    for (const path of ['test/emulators/README.md', 'stacks/endpoint.ts']) {
      expect(readFileSync(join(root, path), 'utf8')).toContain('localstack/localstack:4.14.0');
    }
    expect(page).toContain('localstack/localstack:4.14.0');
  });
});

/** The names of all settings in a document, however deep. */
function fieldsIn(value: unknown): Set<string> {
  if (Array.isArray(value)) return new Set(value.flatMap((one) => [...fieldsIn(one)]));
  if (typeof value !== 'object' || value === null) return new Set();
  return new Set(Object.entries(value).flatMap(([name, inner]) => [name, ...fieldsIn(inner)]));
}

const lines = commandsOf(page).flat();
const scripts = (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> })
  .scripts;

describe('commands of the page', () => {
  it('name npm scripts that exist', () => {
    const named = lines.flatMap((line) => [...line.matchAll(/\bnpm run ([a-z:]+)/g)].map(([, name]) => name ?? ''));
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((name) => scripts[name] === undefined)).toEqual([]);
  });

  const ours = lines.flatMap((line) => {
    const [, script = '', rest = ''] = /npm run ([a-z:]+) -- (.*)$/.exec(line) ?? [];
    return script === '' || script === 'emulator' ? [] : [{ line, script, rest: ` ${rest}` }];
  });

  it.each([
    ...new Set(ours.map(({ script, rest }) => (script === 'tmc' ? `tmc ${rest.trim().split(' ')[0]}` : script))),
  ])('%s has the options that are named', (program) => {
    const [script = '', command = ''] = program.split(' ');
    const used = ours.filter((one) => one.script === script && one.rest.startsWith(` ${command}`));
    const [file = '', ...given] = (scripts[script] ?? '').replace('node scripts/run.mjs ', '').split(' ');
    const args = ['--disable-warning=ExperimentalWarning', join(root, file), ...given, ...(command ? [command] : [])];
    const { output } = run(process.execPath, [...args, '--help']);
    for (const { line, rest } of used) {
      for (const flag of flagsOf(rest)) expect(output, line).toMatch(new RegExp(`${flag}\\b`));
    }
  });

  it.each([...new Set(lines.filter((line) => line.startsWith('npx sst ')))])('%s: has the options it names', (line) => {
    const [, , command = ''] = line.split(' ');
    const env = { SST_SKIP_DEPENDENCY_CHECK: '1', SST_NO_BUN: '1', SST_TELEMETRY_DISABLED: '1' };
    const { output } = run(join(root, 'node_modules', '.bin', 'sst'), [command, '--help'], env);
    expect(output).toContain(`Usage: sst ${command}`);
    for (const flag of flagsOf(line)) expect(output).toContain(flag);
  });

  const aws = lines.flatMap((line) => /^(?:\w+=\$\()?(aws .*?)\)?$/.exec(line.trim())?.[1] ?? []);
  if (!isThere('aws')) console.warn('SKIPPED: commands of the AWS command line: aws is not on PATH');

  it.skipIf(!isThere('aws')).each([...new Set(aws)])('%s: is understood by the AWS command line', (line) => {
    const known = { AWS_REGION: 'eu-central-1', AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };
    const env = { ...known, AWS_DEFAULT_REGION: known.AWS_REGION, AWS_MAX_ATTEMPTS: '1', AWS_CONFIG_FILE: '/dev/null' };
    const command = line
      .replaceAll(/file(b?):\/\/\S+/g, `file$1://${EXAMPLE}`)
      .replaceAll(/"\$[a-z]+"/g, 'arn:aws:iam::111122223333:role/placeholder');
    // Read and checked, then sent to where nobody listens.
    const { output } = run('sh', ['-c', `${command} --endpoint-url http://127.0.0.1:9`], env);
    expect(output).toContain('Could not connect to the endpoint URL');
  });
});
