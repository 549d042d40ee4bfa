/** One HTTP call, as far as its form is concerned. */
export type HttpCall = {
  readonly method?: string | undefined;
  /** From the first slash on, with its query; an origin in front is left out. */
  readonly path: string;
  readonly contentType?: string | undefined;
  readonly accept?: string | undefined;
  readonly hasBody: boolean;
};

const JSON_TYPE = 'application/json';

/**
 * The form of a call: method, whether it is about a collection or an object, in a namespace or not, which subresource, where in
 * kcp, media types, and the sorted names of its query. Calls of one form take one way through a server; names and values vary.
 */
export function shapeOf({ method = 'GET', path, contentType, accept = JSON_TYPE, hasBody }: HttpCall): string {
  const [place = '', query = ''] = path.replace(/^https?:\/\/[^/]+/, '').split('?', 2);
  const names = [...new Set(new URLSearchParams(query).keys())].sort();
  const type = hasBody ? ` as ${contentType ?? JSON_TYPE}` : '';
  const accepted = accept === JSON_TYPE ? '' : ` accepting ${accept}`;
  return `${method} ${placeOf(place)}${names.length ? `?${names.join('&')}` : ''}${type}${accepted}`;
}

function placeOf(path: string): string {
  const { where, rest } = serverPart(path);
  const parts = rest.split('/').filter(Boolean);
  const isApi = parts[0] === 'api' || parts[0] === 'apis';
  const resource = isApi ? parts.slice(parts[0] === 'api' ? 2 : 3) : [];
  if (resource.length === 0) return `${where}${rest}`;
  const inNamespace = resource[0] === 'namespaces' && resource.length > 2;
  const [, name, subresource] = inNamespace ? resource.slice(2) : resource;
  const what = name === undefined ? 'collection' : 'object';
  return `${where}${inNamespace ? 'namespaced ' : ''}${what}${subresource === undefined ? '' : `/${subresource}`}`;
}

/** kcp's part of a path in words, and what follows it. */
function serverPart(path: string): { where: string; rest: string } {
  const found = /^(\/services\/apiexport\/[^/]+\/[^/]+)?(\/clusters\/([^/]+))?(\/.*)$/.exec(path);
  if (!found) return { where: '', rest: path };
  const [, endpoint, , workspace, rest = ''] = found;
  const of = workspace === undefined ? '' : workspace === '*' ? 'all workspaces: ' : 'workspace: ';
  return { where: `${endpoint ? 'export ' : ''}${of}`, rest };
}
