import type { RequestOptions } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';
import type { KubeConnection } from './connection.ts';

/** What an exec plugin or an OIDC provider gives. */
export type PluginCredentials = Pick<KubeConnection, 'cert' | 'key' | 'authorization'>;

/**
 * Credentials of a user whose kubeconfig names a plugin, by way of the official client, which knows their protocols. A module of
 * its own, loaded only then: the client takes longer to load and more memory than the rest of a relay.
 * `text` has absolute paths only. The plugin is asked for every request and answers from its cache until a token has expired.
 */
export async function pluginCredentials(text: string, context: string): Promise<PluginCredentials> {
  const config = new KubeConfig();
  config.loadFromString(text);
  config.setCurrentContext(context);
  const options: RequestOptions = {};
  await apply(config, options);
  return {
    ...(options.cert !== undefined && { cert: String(options.cert) }),
    ...(options.key !== undefined && { key: String(options.key) }),
    ...(headerOf(options) !== undefined && {
      authorization: async () => {
        const fresh: RequestOptions = {};
        await apply(config, fresh);
        return headerOf(fresh);
      },
    }),
  };
}

/** @throws Error of the plugin; one about what it printed does not quote it, for that may be a bare token. */
async function apply(config: KubeConfig, options: RequestOptions): Promise<void> {
  try {
    await config.applyToHTTPSOptions(options);
  } catch (error) {
    if (error instanceof SyntaxError) throw new Error('what the credential plugin printed is no JSON');
    throw error;
  }
}

function headerOf({ headers }: RequestOptions): string | undefined {
  return (headers as Record<string, string> | undefined)?.['Authorization'];
}
