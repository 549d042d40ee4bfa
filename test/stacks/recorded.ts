import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Deployment } from '../../stacks/outputs.ts';

export type Recorded = {
  readonly resources: readonly Resource[];
  readonly deployment: Deployment;
};
// biome-ignore lint/suspicious/noExplicitAny: inputs of a hundred kinds, each looked into by the test that knows it.
export type Resource = { readonly type: string; readonly name: string; readonly inputs: Record<string, any> };

export const fleetFile = (name: string): string => join(import.meta.dirname, `fleet-${name}.yaml`);

let scratch: string | undefined;
let runs = 0;

/** Folder of this process's evaluations; removed with it. */
function folder(): string {
  if (scratch === undefined) {
    const made = mkdtempSync(join(tmpdir(), 'tmc-stacks-'));
    process.on('exit', () => rmSync(made, { recursive: true, force: true }));
    scratch = made;
  }
  const one = join(scratch, String(runs++));
  mkdirSync(one);
  return one;
}

/** Evaluates the program in a process of its own. @throws Error with what it printed, where it fails. */
export async function record(stage: string, fleet: string, ...failing: string[]): Promise<Recorded> {
  const artifacts = folder();
  const script = join(import.meta.dirname, 'record.ts');
  const child = spawn(process.execPath, [script, stage, fleet, artifacts, ...failing], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const errors: Buffer[] = [];
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
  const code = await new Promise((done, fail) => child.on('error', fail).on('close', done));
  if (code !== 0) throw new Error(Buffer.concat(errors).toString());
  const text = readFileSync(join(artifacts, 'recorded.json'), 'utf8');
  return JSON.parse(text.replaceAll(artifacts, 'ARTIFACTS')) as Recorded;
}

/** Resources of a type, as `sqs/queue:Queue`. */
export const ofType = ({ resources }: Recorded, type: string): readonly Resource[] =>
  resources.filter((resource) => resource.type === `aws:${type}`);
