import { resolve } from 'node:path';
import type * as z from 'zod';
import type { RelayOptions } from './relay-options.ts';

type Settings = Readonly<Record<string, unknown>>;
type Issue = z.core.$ZodIssue;
type Pair = { readonly workspace: string; readonly name: string };

/** What options say, in the form of settings; undefined where they say nothing. */
type Given = {
  readonly settings: Settings;
  /** Options of the wrong form. */
  readonly issues: readonly Issue[];
  /** What was given for them, at the paths of the issues. */
  readonly shown: Settings;
};

/** Options as settings. `side`: whose kubeconfig `--context` is about. Paths start where the process runs. */
export function givenSettings(options: RelayOptions, side: 'hub' | 'member'): Given {
  const { name, table, region, endpointUrl: endpoint, health, metrics } = options;
  const [syncTarget, exported] = [pair(options.syncTarget, '--sync-target'), pair(options.export, '--export')];
  const urls = queueUrls(options.queueUrl ?? []);
  return {
    settings: {
      name,
      hub: hubOf(options, exported.value, side),
      member: memberOf(options, syncTarget.value, side),
      aws: { region },
      queues: { endpoint, urls: urls.value },
      table: { name: table, endpoint },
      listen: { health, metrics },
    },
    issues: [...syncTarget.issues, ...exported.issues, ...urls.issues],
    shown: { '--queue-url': options.queueUrl, '--sync-target': options.syncTarget, '--export': options.export },
  };
}

function hubOf({ hub, workspace, context }: RelayOptions, exported: Pair | undefined, side: string) {
  return orNothing({
    ...(exported && { kind: 'kcp', export: exported }),
    kubeconfig: absolute(hub),
    workspace,
    context: side === 'hub' ? context : undefined,
  });
}

function memberOf({ member, kubeconfig, context }: RelayOptions, syncTarget: Pair | undefined, side: string) {
  return orNothing({
    name: member,
    kubeconfig: absolute(kubeconfig),
    syncTarget,
    context: side === 'member' ? context : undefined,
  });
}

const orNothing = (settings: Settings): Settings | undefined =>
  Object.values(settings).some((value) => value !== undefined) ? settings : undefined;

const absolute = (path: string | undefined): string | undefined => (path ? resolve(path) : path);

/** `workspace/name`: neither has a slash, also where the workspace is a path of kcp. */
function pair(text: string | undefined, flag: string): { readonly value?: Pair; readonly issues: readonly Issue[] } {
  if (text === undefined) return { issues: [] };
  const [workspace, name, ...rest] = text.split('/');
  if (workspace && name && rest.length === 0) return { value: { workspace, name }, issues: [] };
  return { issues: [issue([flag], '<workspace>/<name>')] };
}

function queueUrls(given: readonly string[]): { readonly value: Settings; readonly issues: readonly Issue[] } {
  const pairs = given.map((text) => /^([^=:/]+)=(.+)$/.exec(text));
  return {
    value: Object.fromEntries(pairs.flatMap((match) => (match ? [[match[1], match[2]]] : []))),
    issues: pairs.flatMap((match, index) => (match ? [] : [issue(['--queue-url', index], '<queue>=<url>')])),
  };
}

const issue = (path: (string | number)[], message: string): Issue => ({
  code: 'custom',
  path,
  message,
  input: undefined,
});
