import { mkdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as z from 'zod';
import type { Deployment } from '../outputs.ts';

/** Which deployment at which endpoint. */
type Of = { readonly app: string; readonly stage: string; readonly endpoint: string; readonly region: string };

const place = z.object({ endpoint: z.string(), region: z.string() });

/** Leaves addresses of a deployment, and where it is, in `<folder>/<app>-<stage>.json`: of the endpoint deployed to last. */
export function writeDeployment(folder: string, of: Of, deployment: Deployment): void {
  const file = fileOf(folder, of);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify({ endpoint: address(of.endpoint), ...deployment }, null, 2)}\n`);
}

/** Deletes what a deployment left there, but not what one of the same name at another endpoint or in another region did. */
export function forgetDeployment(folder: string, of: Of): void {
  const left = placeIn(fileOf(folder, of));
  if (left?.endpoint === address(of.endpoint) && left.region === of.region) rmSync(fileOf(folder, of));
  const artifacts = artifactsOf(folder, of);
  rmSync(artifacts, { recursive: true, force: true });
  removeEmpty(dirname(artifacts));
}

/** Folder for the archives with code, of this endpoint and region alone. */
export function artifactsOf(folder: string, { app, stage, endpoint, region }: Of): string {
  const host = address(endpoint)
    .replace(/^[a-z]+:\/\//, '')
    .replace(/[^a-zA-Z0-9.]+/g, '-');
  return join(folder, `${app}-${stage}`, `${host}-${region}`);
}

function fileOf(folder: string, { app, stage }: Of): string {
  return join(folder, `${app}-${stage}.json`);
}

const address = (endpoint: string): string => endpoint.replace(/\/$/, '');

/** undefined: there is no such file, or it does not say. */
function placeIn(file: string): z.infer<typeof place> | undefined {
  try {
    return place.safeParse(JSON.parse(readFileSync(file, 'utf8'))).data;
  } catch {
    return undefined;
  }
}

function removeEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch (error) {
    if (!['ENOENT', 'ENOTEMPTY'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}
