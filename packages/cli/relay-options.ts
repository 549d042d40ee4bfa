/** The options of `tmc relay` and of `relay.mjs`, told once. */
type RelayFlag = { readonly flag: string; readonly value: string; readonly text: string; readonly many?: true };

export const RELAY_FLAGS = [
  {
    flag: 'config',
    value: 'file',
    text: 'settings (YAML or JSON), or env:NAME: the variable that holds them; relay.yaml unless --hub or --member is given',
  },
  { flag: 'deployment', value: 'file', text: 'takes queue URLs, table and region from what a deployment left' },
  { flag: 'hub', value: 'kubeconfig', text: 'reads this hub' },
  { flag: 'workspace', value: 'name', text: 'the one workspace of a hub that is a plain API server' },
  { flag: 'export', value: 'workspace/name', text: 'the APIExport of a hub that is kcp, such as root:tmc/tmc.kcp.io' },
  { flag: 'member', value: 'name', text: 'reads this member cluster' },
  { flag: 'kubeconfig', value: 'file', text: 'the kubeconfig of the member cluster' },
  { flag: 'sync-target', value: 'workspace/name', text: 'the SyncTarget the member cluster answers for' },
  { flag: 'context', value: 'name', text: 'the context in the kubeconfig' },
  { flag: 'queue-url', value: 'queue=url', text: 'the URL of a queue; once for each', many: true },
  { flag: 'table', value: 'name', text: 'the table that keeps checkpoints' },
  { flag: 'region', value: 'region', text: 'the AWS region; AWS_REGION unless given' },
  { flag: 'endpoint-url', value: 'url', text: 'a service that speaks like AWS; AWS_ENDPOINT_URL counts too' },
  { flag: 'name', value: 'name', text: 'the name of this relay in messages, logs and metrics' },
  { flag: 'health', value: 'host:port', text: 'where /healthz, /readyz and /health are served' },
  { flag: 'metrics', value: 'host:port', text: 'where /metrics is served' },
] as const satisfies readonly RelayFlag[];

type Flag = (typeof RELAY_FLAGS)[number];
type Camel<Text extends string> = Text extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : Text;
type Many = Extract<Flag, { many: true }>['flag'];

/** Given options by their name in camel case; absent where not given. */
export type RelayOptions = { readonly [Name in Exclude<Flag['flag'], Many> as Camel<Name>]?: string | undefined } & {
  readonly [Name in Many as Camel<Name>]?: readonly string[] | undefined;
};

/** The name of an option among {@link RelayOptions}. */
export const optionName = (flag: string): string =>
  flag.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** The options as lines of a help text. */
export function relayFlagsHelp(): string {
  const names = RELAY_FLAGS.map(({ flag, value }) => `--${flag} <${value}>`);
  const width = Math.max(...names.map((name) => name.length));
  return RELAY_FLAGS.map(({ text }, index) => `  ${(names[index] ?? '').padEnd(width)}  ${text}`).join('\n');
}
