import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';

/** What the probes ask. `notReady` lists what is missing, empty when everything is there. */
export type Health = {
  readonly notReady: () => readonly string[];
  readonly details: () => Promise<unknown>;
};

export type HttpEndpoints = {
  /** `host:port` really listened on. */
  readonly health: string;
  readonly metrics: string;
  close(): Promise<void>;
};

/** Serves `/healthz`, `/readyz` and `/health` on one address and `/metrics` on the other; port 0 takes a free one. */
export async function startHttp(
  listen: { readonly health: string; readonly metrics: string },
  health: Health,
  registry: Registry,
): Promise<HttpEndpoints> {
  const healthServer = createServer((request, response) => {
    const answer = (status: number, text: string, type = 'text/plain') =>
      void response.writeHead(status, { 'content-type': type }).end(text);
    const path = request.url?.split('?')[0];
    if (path === '/healthz') return answer(200, 'ok\n');
    if (path === '/readyz') {
      const missing = health.notReady();
      return missing.length === 0 ? answer(200, 'ok\n') : answer(503, `${missing.join('\n')}\n`);
    }
    if (path === '/health') {
      health.details().then(
        (details) => answer(200, `${JSON.stringify(details, null, 2)}\n`, 'application/json'),
        (error: unknown) => answer(500, `${String(error)}\n`),
      );
      return undefined;
    }
    return answer(404, 'not found; try /healthz, /readyz or /health\n');
  });
  const metricsServer = createServer((request, response) => {
    if (request.url?.split('?')[0] !== '/metrics') {
      response.writeHead(404).end('not found; try /metrics\n');
      return;
    }
    registry.metrics().then(
      (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  const [healthAddress, metricsAddress] = await Promise.all([
    open(healthServer, listen.health),
    open(metricsServer, listen.metrics),
  ]);
  return {
    health: healthAddress,
    metrics: metricsAddress,
    close: async () => void (await Promise.all([close(healthServer), close(metricsServer)])),
  };
}

function open(server: Server, address: string): Promise<string> {
  const separator = address.lastIndexOf(':');
  const host = address.slice(0, separator);
  return new Promise((resolve, reject) => {
    server.once('error', (error) =>
      reject(new Error(`cannot listen on ${address}: ${error.message}`, { cause: error })),
    );
    server.listen(Number(address.slice(separator + 1)), host, () => {
      resolve(`${host}:${(server.address() as AddressInfo).port}`);
    });
  });
}

function close(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}
