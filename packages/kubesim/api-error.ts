/** A cause in `Status.details.causes`. */
export interface StatusCause {
  reason?: string;
  message: string;
  field?: string;
}

export interface StatusDetails {
  name?: string;
  group?: string;
  kind?: string;
  uid?: string;
  causes?: StatusCause[];
  retryAfterSeconds?: number;
}

/** The `Status` object that API servers answer failures with. */
export interface StatusObject {
  kind: 'Status';
  apiVersion: 'v1';
  metadata: { continue?: string; resourceVersion?: string };
  status: 'Failure' | 'Success';
  message?: string;
  reason?: string;
  details?: StatusDetails;
  code?: number;
}

/** What a failure is about: `kind` is the plural resource (or the Kind, where real servers say that). */
export interface Subject {
  group?: string | undefined;
  kind?: string | undefined;
  name?: string | undefined;
}

/** An answer that is not a success; the server turns it into HTTP. `text` instead of a Status where real servers send text. */
export class ApiError extends Error {
  readonly code: number;
  readonly body: StatusObject | string;
  readonly headers: Record<string, string>;

  constructor(code: number, body: StatusObject | string, headers: Record<string, string> = {}) {
    super(typeof body === 'string' ? body : (body.message ?? body.reason ?? `status ${code}`));
    this.name = 'ApiError';
    this.code = code;
    this.body = body;
    this.headers = headers;
  }
}

const subjectDetails = ({ name, group, kind }: Subject): StatusDetails => ({
  ...(name ? { name } : {}),
  ...(group ? { group } : {}),
  ...(kind ? { kind } : {}),
});

/** A failure Status with the given parts; a missing `reason` or `details` is left out as real servers do. */
export function failure(
  code: number,
  message: string,
  parts: { reason?: string; details?: StatusDetails; headers?: Record<string, string> } = {},
): ApiError {
  const body: StatusObject = {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    ...(parts.reason ? { reason: parts.reason } : {}),
    ...(parts.details ? { details: parts.details } : {}),
    code,
  };
  return new ApiError(code, body, parts.headers);
}

const qualified = ({ kind, group }: Subject): string => (group ? `${kind}.${group}` : `${kind}`);

export const badRequest = (message: string): ApiError => failure(400, message, { reason: 'BadRequest' });
export const internalError = (message: string): ApiError => failure(500, message);
export const pageNotFound = (): ApiError => new ApiError(404, '404 page not found\n');

export const notFound = (subject: Subject): ApiError =>
  failure(404, `${qualified(subject)} "${subject.name}" not found`, {
    reason: 'NotFound',
    details: subjectDetails(subject),
  });

export const resourceNotFound = (): ApiError =>
  failure(404, 'the server could not find the requested resource', { reason: 'NotFound', details: {} });

/** How kcp's endpoint answers what only exists for one tenant when asked for all. */
export const unknownAtEndpoint = (): ApiError =>
  failure(404, 'the server could not find the requested resource', {
    reason: 'NotFound',
    details: { causes: [{ reason: 'UnexpectedServerResponse', message: '404 page not found' }] },
  });

export const alreadyExists = (subject: Subject): ApiError =>
  failure(409, `${qualified(subject)} "${subject.name}" already exists`, {
    reason: 'AlreadyExists',
    details: subjectDetails(subject),
  });

export const conflict = (subject: Subject, why: string): ApiError =>
  failure(409, `Operation cannot be fulfilled on ${qualified(subject)} "${subject.name}": ${why}`, {
    reason: 'Conflict',
    details: subjectDetails(subject),
  });

export const staleObject = (subject: Subject): ApiError =>
  conflict(subject, 'the object has been modified; please apply your changes to the latest version and try again');

export const forbidden = (subject: Subject, why: string, causes?: StatusCause[]): ApiError =>
  failure(403, `${qualified(subject)} "${subject.name ?? ''}" is forbidden: ${why}`, {
    reason: 'Forbidden',
    details: { ...subjectDetails(subject), ...(causes ? { causes } : {}) },
  });

export const invalid = (subject: Subject, causes: StatusCause[]): ApiError =>
  failure(
    422,
    `${qualified(subject)} "${subject.name ?? ''}" is invalid: ${causes.map((c) => `${c.field}: ${c.message}`).join(', ')}`,
    { reason: 'Invalid', details: { ...subjectDetails(subject), causes } },
  );

export const methodNotAllowed = (subject: Subject = {}): ApiError =>
  failure(405, 'the server does not allow this method on the requested resource', {
    reason: 'MethodNotAllowed',
    details: subjectDetails(subject),
  });

export const expired = (message: string, token?: string): ApiError => {
  const error = failure(410, message, { reason: 'Expired' });
  if (token && typeof error.body !== 'string') error.body.metadata = { continue: token };
  return error;
};

export const unsupportedMediaType = (message: string, bare = false): ApiError =>
  failure(415, message, { reason: 'UnsupportedMediaType', ...(bare ? {} : { details: {} }) });

export const notAcceptable = (message: string, bare = false): ApiError =>
  failure(406, message, { reason: 'NotAcceptable', ...(bare ? {} : { details: {} }) });

/** What this simulator does not do, said plainly instead of done wrongly. */
export const notImplemented = (what: string): ApiError =>
  failure(501, `kubesim does not implement ${what}`, { reason: 'NotImplemented' });

export const success = (details: StatusDetails): StatusObject => ({
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Success',
  details,
});
