import { installApis } from '@tmc/adapters/fleet/install.ts';
import { connectionFrom } from '@tmc/adapters/kube/kubeconfig.ts';
import { terminalError } from '@tmc/kernel/errors.ts';

type InstallOptions = { readonly hub: string; readonly context?: string; readonly export?: string };

/**
 * `tmc install`: creates or updates our kinds in a hub; a second run changes nothing. With `export` (`workspace/name`) the hub is kcp.
 * @returns what was installed, for people. @throws TmcError naming what the hub refused.
 */
export async function runInstall({ hub, context, export: exported }: InstallOptions): Promise<string> {
  const connection = await connectionFrom({ path: hub, ...(context !== undefined && { context }) });
  if (exported === undefined) {
    await installApis({ kind: 'kubernetes', workspace: 'default', connection, epoch: 0 });
    return `our kinds are installed in the hub of ${hub}\n`;
  }
  const [workspace, name, ...rest] = exported.split('/');
  if (!workspace || !name || rest.length > 0) {
    throw terminalError(`--export is "${exported}"`, {
      type: 'ConfigurationError',
      hint: 'give <workspace>/<name>, such as root:tmc/tmc.kcp.io',
    });
  }
  await installApis({ kind: 'kcp', export: { workspace, name }, connection, epoch: 0 });
  return `the APIExport ${name} in ${workspace} and its kinds are installed in the hub of ${hub}\n`;
}
