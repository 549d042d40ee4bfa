import { createHash } from 'node:crypto';
import { openApiDocument, openApiV2 } from '../openapi/document.ts';
import { encodeOpenApiV2, OPENAPI_V2_PROTOBUF } from '../openapi/v2-protobuf.ts';
import { groupVersionOf, type ResourceDef } from '../resources/definition.ts';
import type { Answer } from './answer.ts';
import type { Resolved } from './context.ts';
import type { RequestInfo } from './request-info.ts';

/** The Kubernetes version whose behaviour is simulated. */
const VERSION = {
  major: '1',
  minor: '36',
  gitVersion: 'v1.36.3+kubesim',
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: '',
  compiler: 'kubesim',
  platform: 'linux/amd64',
};

const text = (body: string, contentType = 'text/plain; charset=utf-8'): Answer => ({
  status: 200,
  contentType,
  text: body,
});
const jsonText = (body: unknown, contentType = 'application/json'): Answer => text(JSON.stringify(body), contentType);

/** Health, version and OpenAPI; undefined for paths that are none of them. */
export function pathAnswer(resolved: Resolved, info: RequestInfo, accept = ''): Answer | undefined {
  const { path } = info;
  if (/^\/(healthz|livez|readyz)(\/.*)?$/.test(path)) return text('ok');
  if (path === '/version' || path === '/version/') return jsonText(VERSION);
  if (path === '/openapi/v2') return oldDocument(resolved.resources, accept);
  // Real servers send the index as text, kcp's endpoints as JSON.
  if (path === '/openapi/v3')
    return text(JSON.stringify(index(resolved.resources)), info.endpoint ? 'application/json' : undefined);
  if (path.startsWith('/openapi/v3/')) return document(resolved.resources, path.slice('/openapi/v3/'.length));
  if (path === '/') return jsonText({ paths: rootPaths(resolved.resources) });
  return undefined;
}

const placeOf = (def: ResourceDef): string => (def.group ? `apis/${groupVersionOf(def)}` : `api/${def.version}`);

function index(resources: ResourceDef[]) {
  const places = Map.groupBy(resources, placeOf);
  const paths = [...places].map(([place, defs]) => {
    const hash = createHash('sha256').update(JSON.stringify(defs)).digest('hex').slice(0, 40).toUpperCase();
    return [place, { serverRelativeURL: `/openapi/v3/${place}?hash=${hash}` }];
  });
  return { paths: Object.fromEntries(paths) };
}

/** Everything in OpenAPI v2, for clients that only know that one, most of them in protobuf. */
function oldDocument(resources: ResourceDef[], accept: string): Answer {
  const whole = openApiV2(resources);
  if (!accept.includes(OPENAPI_V2_PROTOBUF)) return jsonText(whole);
  return { status: 200, contentType: 'application/octet-stream', bytes: encodeOpenApiV2(whole) };
}

function document(resources: ResourceDef[], place: string): Answer | undefined {
  const defs = resources.filter((def) => placeOf(def) === place);
  return defs.length ? jsonText(openApiDocument(defs)) : undefined;
}

const rootPaths = (resources: ResourceDef[]): string[] =>
  [
    '/api',
    '/apis',
    '/healthz',
    '/livez',
    '/openapi/v2',
    '/openapi/v3',
    '/readyz',
    '/version',
    ...new Set(resources.map((def) => `/${placeOf(def)}`)),
  ].sort();
