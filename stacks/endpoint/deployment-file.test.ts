import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Deployment } from '../outputs.ts';
import { artifactsOf, forgetDeployment, writeDeployment } from './deployment-file.ts';

const OF = { app: 'tmc', stage: 'dev', endpoint: 'http://127.0.0.1:4566', region: 'us-east-1' };
const DEPLOYMENT = { stage: 'dev', region: 'us-east-1', table: 't' } as Deployment;

describe('what a deployment leaves in files', () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tmc-file-'));
    file = join(folder, 'tmc-dev.json');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function deploy(of: typeof OF): void {
    writeDeployment(folder, of, { ...DEPLOYMENT, region: of.region });
    mkdirSync(artifactsOf(folder, of), { recursive: true });
    writeFileSync(join(artifactsOf(folder, of), 'code.zip'), 'code');
  }

  it('is a file of the name of app and stage that says where it is, and goes with the deployment', () => {
    deploy(OF);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ endpoint: OF.endpoint, ...DEPLOYMENT });
    forgetDeployment(folder, { ...OF, endpoint: `${OF.endpoint}/` });
    expect(readdirSync(folder)).toEqual([]);
    forgetDeployment(folder, OF);
  });

  it.each([
    ['at another endpoint', { ...OF, endpoint: 'http://127.0.0.1:4567' }],
    ['in another region', { ...OF, region: 'eu-west-1' }],
  ])('stays when one of the same name is removed %s', (_where, other) => {
    deploy(OF);
    forgetDeployment(folder, other);
    expect([existsSync(file), readdirSync(artifactsOf(folder, OF))]).toEqual([true, ['code.zip']]);
    deploy(other);
    forgetDeployment(folder, OF);
    expect([existsSync(file), readdirSync(artifactsOf(folder, other))]).toEqual([true, ['code.zip']]);
    forgetDeployment(folder, other);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('stays when it does not say where it is', () => {
    writeFileSync(file, '{}');
    forgetDeployment(folder, OF);
    expect(existsSync(file)).toBe(true);
  });
});
