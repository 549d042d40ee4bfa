import { parse as parseYaml, stringify as stringifyYaml } from 'yaml';
import { badRequest, notAcceptable } from '../api-error.ts';

/** In which form an answer is wanted. */
export interface Accept {
  as: 'object' | 'PartialObjectMetadata' | 'Table' | 'APIGroupDiscoveryList';
  version: string;
  yaml: boolean;
  /** The transformation named a list. */
  ofList?: boolean;
}

const PLAIN: Accept = { as: 'object', version: 'v1', yaml: false };
const TRANSFORMS: Record<string, Accept['as']> = {
  PartialObjectMetadata: 'PartialObjectMetadata',
  PartialObjectMetadataList: 'PartialObjectMetadata',
  Table: 'Table',
  APIGroupDiscoveryList: 'APIGroupDiscoveryList',
};

/** A list form asked of one object, or the other way round, cannot be had. @throws ApiError 406 */
export function checkForm(accept: Accept, verb: 'get' | 'list'): void {
  if (accept.as === 'PartialObjectMetadata' && accept.ofList !== (verb === 'list'))
    throw notAcceptable('the requested transformation is not available for this request', true);
}

const cache = new Map<string, Accept | 'media' | 'transform'>();

/** @throws ApiError 406 when nothing of the header can be served */
export function negotiate(header: string | undefined): Accept {
  if (!header || header === 'application/json' || header === '*/*') return PLAIN;
  let found = cache.get(header);
  if (!found) {
    found = choose(header);
    if (cache.size < 1000) cache.set(header, found);
  }
  if (found === 'media')
    throw notAcceptable('only the following media types are accepted: application/json, application/yaml');
  if (found === 'transform')
    throw notAcceptable('the requested transformation is not available for this resource', true);
  return found;
}

function choose(header: string): Accept | 'media' | 'transform' {
  let transformRefused = false;
  for (const clause of header.split(',')) {
    const [type = '', ...rest] = clause.split(';').map((part) => part.trim());
    if (!['application/json', 'application/yaml', '*/*', 'application/*'].includes(type)) continue;
    const params = new Map(rest.map((part) => part.split('=', 2) as [string, string]));
    const yaml = type === 'application/yaml';
    const as = params.get('as');
    if (as === undefined) return { ...PLAIN, yaml };
    const form = TRANSFORMS[as];
    const group = params.get('g') ?? '';
    if (form && ['meta.k8s.io', 'apidiscovery.k8s.io'].includes(group))
      return { as: form, version: params.get('v') ?? 'v1', yaml, ofList: as.endsWith('List') };
    transformRefused = true;
  }
  return transformRefused ? 'transform' : 'media';
}

export const mediaTypeOf = (header: string | undefined): string =>
  (header ?? '').split(';')[0]?.trim().toLowerCase() ?? '';

/** @throws ApiError 400 when the text is not what its media type says */
export function parseBody(text: string, mediaType: string): unknown {
  try {
    return mediaType.includes('yaml') ? parseYamlText(text) : JSON.parse(text);
  } catch (error) {
    throw badRequest(`the object provided is unrecognized: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** JSON is YAML, and parsing it as JSON is much faster. */
export function parseYamlText(text: string, uniqueKeys = false): unknown {
  if (/^\s*[{[]/.test(text)) {
    try {
      return JSON.parse(text);
    } catch {
      // Flow style that is YAML but not JSON.
    }
  }
  return parseYaml(text, { uniqueKeys });
}

export const toYaml = (value: unknown): string => stringifyYaml(value);
