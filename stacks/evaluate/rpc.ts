import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { buildFunction, type FunctionBuild } from './functions.ts';

type Call = { readonly method: string; readonly params: readonly [Record<string, unknown>] };

/** What components ask of SST's command line, answered on loopback. */
export async function serveRpc(artifacts: string, region: string): Promise<{ url: string; stop(): Promise<void> }> {
  const answer = async ({ method, params: [input] }: Call): Promise<unknown> => {
    if (method === 'Provider.Aws.Bootstrap') return bootstrapOf(region);
    if (method === 'Runtime.Build') return buildFunction(input as FunctionBuild, artifacts);
    throw new Error(`rpc: can't find method ${method}`);
  };
  const server = createServer(async (request, response) => {
    const body = JSON.parse(await text(request)) as Call;
    const reply = await answer(body).then(
      (result) => ({ result }),
      (error: Error) => ({ error: error.message }),
    );
    // A connection for each call: one that is kept may be closed here while the next call is on its way.
    response.setHeader('connection', 'close').end(JSON.stringify(reply));
  });
  // Whoever asks is this process itself, which may be slow.
  Object.assign(server, { headersTimeout: 0, requestTimeout: 0 });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Where code and state are kept. On AWS, SST makes these once for each account and region. */
const bootstrapOf = (region: string) => ({
  asset: `sst-asset-${region}`,
  state: `sst-state-${region}`,
  assetEcrRegistryId: '',
  assetEcrUrl: '',
  appsyncHttp: '',
  appsyncRealtime: '',
});
