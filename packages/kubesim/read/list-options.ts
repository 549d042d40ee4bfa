import { badRequest, failure, invalid, type StatusCause } from '../api-error.ts';

export interface ListOptions {
  limit: number;
  continueToken: string;
  resourceVersion: string;
  match: string;
}

const LIST_OPTIONS = { group: 'meta.k8s.io', kind: 'ListOptions' };
const forbid = (field: string, message: string): StatusCause => ({ field, message, reason: 'FieldValueForbidden' });

const optionsInvalid = (causes: StatusCause[]) => invalid(LIST_OPTIONS, causes);

function unknownMatch(match: string, allowed: string[]): StatusCause[] {
  if (match === '' || allowed.includes(match)) return [];
  const message = `Unsupported value: "${match}": supported values: ${allowed.map((v) => `"${v}"`).join(', ')}`;
  return [{ field: 'resourceVersionMatch', message, reason: 'FieldValueNotSupported' }];
}

/** @throws ApiError 400 or 422 for combinations API servers refuse */
export function parseListOptions(query: URLSearchParams): ListOptions {
  const options: ListOptions = {
    limit: Number(query.get('limit') ?? 0) || 0,
    continueToken: query.get('continue') ?? '',
    resourceVersion: query.get('resourceVersion') ?? '',
    match: query.get('resourceVersionMatch') ?? '',
  };
  const causes: StatusCause[] = [];
  if (query.get('sendInitialEvents') !== null)
    causes.push(forbid('sendInitialEvents', 'Forbidden: sendInitialEvents is forbidden for list'));
  if (options.match !== '') causes.push(...matchCauses(options));
  if (causes.length) throw optionsInvalid(causes);
  if (options.resourceVersion && !/^\d+$/.test(options.resourceVersion))
    throw badRequest(`Invalid value: "${options.resourceVersion}": strconv.ParseUint: invalid syntax`);
  if (options.continueToken && options.resourceVersion && options.resourceVersion !== '0')
    throw badRequest('specifying resource version is not allowed when using continue');
  return options;
}

function matchCauses({ match, resourceVersion, continueToken }: ListOptions): StatusCause[] {
  const field = 'resourceVersionMatch';
  if (continueToken) return [forbid(field, 'Forbidden: resourceVersionMatch is forbidden when continue is provided')];
  if (!resourceVersion)
    return [forbid(field, 'Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided')];
  if (match === 'Exact' && resourceVersion === '0')
    return [forbid(field, 'Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"')];
  return unknownMatch(match, ['Exact', 'NotOlderThan', '']);
}

export interface WatchOptions {
  resourceVersion: string;
  bookmarks: boolean;
  /** undefined: not said. */
  sendInitialEvents: boolean | undefined;
  timeoutSeconds: number | undefined;
}

/** @throws ApiError 422 or 500 for combinations API servers refuse */
export function parseWatchOptions(query: URLSearchParams): WatchOptions {
  const match = query.get('resourceVersionMatch') ?? '';
  const initial = query.get('sendInitialEvents');
  const causes: StatusCause[] = [];
  const field = 'resourceVersionMatch';
  if (match !== '' && initial === null)
    causes.push(
      forbid(field, 'Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided'),
    );
  if (initial !== null && match !== 'NotOlderThan')
    causes.push(forbid(field, 'Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'));
  if (initial !== null) causes.push(...unknownMatch(match, ['NotOlderThan']));
  if (causes.length) throw optionsInvalid(causes);
  const resourceVersion = query.get('resourceVersion') ?? '';
  if (resourceVersion && !/^\d+$/.test(resourceVersion))
    throw failure(500, `strconv.ParseUint: parsing "${resourceVersion}": invalid syntax`);
  const timeout = Number(query.get('timeoutSeconds') ?? 0);
  return {
    resourceVersion,
    bookmarks: ['true', '1'].includes(query.get('allowWatchBookmarks') ?? ''),
    sendInitialEvents: initial === null ? undefined : ['true', '1'].includes(initial),
    timeoutSeconds: timeout > 0 ? timeout : undefined,
  };
}
