/** What a request is about, read from its method and URL the way API servers do. */
export interface RequestInfo {
  method: string;
  /** The path below the cluster. */
  path: string;
  query: URLSearchParams;
  /** Path segment naming the cluster as sent (`''` on a plain server, `*` for all tenants). */
  clusterSegment: string | undefined;
  /** Set below `/services/apiexport/<cluster>/<name>`. */
  endpoint: { exportCluster: string; exportName: string } | undefined;
  /** A PATCH that is a server-side apply. */
  applies?: boolean;
  resource: ResourcePath | undefined;
}

export interface ResourcePath {
  group: string;
  version: string;
  plural: string;
  namespace: string;
  name: string;
  subresource: string;
  verb: string;
}

const truthy = (value: string | null): boolean => value === 'true' || value === '1';

export function parseRequest(method: string, url: string): RequestInfo {
  const at = url.indexOf('?');
  const query = new URLSearchParams(at < 0 ? '' : url.slice(at + 1));
  let path = decodePath(at < 0 ? url : url.slice(0, at));
  let endpoint: RequestInfo['endpoint'];
  let clusterSegment: string | undefined;
  const service = /^\/services\/apiexport\/([^/]+)\/([^/]+)(\/.*)?$/.exec(path);
  if (service) {
    endpoint = { exportCluster: service[1] as string, exportName: service[2] as string };
    path = service[3] ?? '/';
  }
  const cluster = /^\/clusters\/([^/]+)(\/.*)?$/.exec(path);
  if (cluster) {
    clusterSegment = cluster[1] as string;
    path = cluster[2] ?? '/';
  }
  return { method, path, query, clusterSegment, endpoint, resource: parseResource(method, path, query) };
}

/** The path decoded segment by segment; what cannot be decoded stays as sent. */
function decodePath(path: string): string {
  if (!path.includes('%')) return path;
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function parseResource(method: string, path: string, query: URLSearchParams): ResourcePath | undefined {
  const parts = path.split('/').filter(Boolean);
  const grouped = parts[0] === 'apis';
  if (!grouped && parts[0] !== 'api') return undefined;
  const start = grouped ? 3 : 2;
  if (parts.length <= start) return undefined;
  const [group, version] = grouped ? [parts[1] as string, parts[2] as string] : ['', parts[1] as string];
  let rest = parts.slice(start);
  let namespace = '';
  if (rest[0] === 'namespaces' && rest.length > 2 && !['status', 'finalize'].includes(rest[2] as string)) {
    namespace = rest[1] as string;
    rest = rest.slice(2);
  }
  if (rest.length > 3) return undefined;
  const [plural = '', name = '', subresource = ''] = rest;
  const place = { group, version, plural, namespace, name, subresource };
  return { ...place, verb: verbOf(method, name, query) };
}

function verbOf(method: string, name: string, query: URLSearchParams): string {
  switch (method) {
    case 'GET':
    case 'HEAD':
      if (name) return truthy(query.get('watch')) ? 'watch' : 'get';
      return truthy(query.get('watch')) ? 'watch' : 'list';
    case 'POST':
      return 'create';
    case 'PUT':
      return 'update';
    case 'PATCH':
      return 'patch';
    case 'DELETE':
      return name ? 'delete' : 'deletecollection';
    default:
      return method.toLowerCase();
  }
}
