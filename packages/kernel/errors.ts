/**
 * Errors on two axes. `kind` tells the queue what to do with the message; `type` (TMC error types, wire names of upstream) tells
 * the user what went wrong and who can mend it. Recognised by brand, so that copies in several bundles know each other.
 */

/**
 * What the queue must do: give back, re-read and retry now, stop writing, park, dead-letter, or count as a bug.
 * `expired` (410, a revision is no longer known) concerns watchers and list pages only: list again.
 */
export type ErrorKind = 'retry' | 'conflict' | 'lease-lost' | 'terminal' | 'malformed' | 'expired' | 'bug';

/** What the user is told. */
export const ERROR_TYPES = [
  'ResourceNotFound',
  'ResourceConflict',
  'ResourceValidation',
  'ResourcePermission',
  'ClusterUnreachable',
  'ClusterUnavailable',
  'ClusterAuthentication',
  'ClusterConfiguration',
  'PlacementConstraint',
  'PlacementCapacity',
  'PlacementPolicy',
  'SyncFailure',
  'SyncConflict',
  'SyncTimeout',
  'MigrationFailure',
  'MigrationTimeout',
  'MigrationRollback',
  'AggregationFailure',
  'AggregationConflict',
  'ProjectionFailure',
  'ProjectionTransform',
  'InternalError',
  'ConfigurationError',
  'NetworkConnectivity',
] as const;
export type ErrorType = (typeof ERROR_TYPES)[number];
export type Severity = 'Critical' | 'High' | 'Medium' | 'Low';

const SEVERITIES: Partial<Record<ErrorType, Severity>> = {
  ClusterAuthentication: 'Critical',
  MigrationRollback: 'Critical',
  InternalError: 'Critical',
  ClusterUnreachable: 'High',
  MigrationFailure: 'High',
  ResourcePermission: 'High',
  PlacementConstraint: 'High',
  ResourceNotFound: 'Low',
  ResourceValidation: 'Low',
  SyncTimeout: 'Low',
};

/** Severity of an error type: the table of the contract, everything not named is Medium. */
export function severityOf(type: ErrorType): Severity {
  return SEVERITIES[type] ?? 'Medium';
}

/** The facts around an error: which part, on what, and what the user may do. Never a token or a Secret's value. */
export type ErrorFacts = {
  readonly type: ErrorType;
  readonly component?: string;
  /** Name of the member cluster's target, when one was involved. */
  readonly target?: string;
  /** Formatted key of the object. */
  readonly key?: string;
  /** What to change, for errors a user can mend. */
  readonly hint?: string;
  /** For `retry`: how long to wait at least. */
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
};

const BRAND = Symbol.for('tmc.error');

/** The one error class of the project; `kind` and `type` say everything that is decided on. */
export class TmcError extends Error {
  readonly [BRAND] = true;
  readonly kind: ErrorKind;
  readonly facts: ErrorFacts;

  constructor(kind: ErrorKind, message: string, facts: ErrorFacts) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = 'TmcError';
    this.kind = kind;
    this.facts = facts;
  }
}

/** True for a TmcError of this or another bundle's copy of this module. */
export function isTmcError(error: unknown): error is TmcError {
  return typeof error === 'object' && error !== null && (error as Record<symbol, unknown>)[BRAND] === true;
}

/** The kind of any thrown value; what is not ours is a bug. */
export function kindOf(error: unknown): ErrorKind {
  return isTmcError(error) ? error.kind : 'bug';
}

export const retryError = (message: string, facts: ErrorFacts): TmcError => new TmcError('retry', message, facts);
export const conflictError = (message: string, facts: Partial<ErrorFacts> = {}): TmcError =>
  new TmcError('conflict', message, { type: 'ResourceConflict', ...facts });
export const terminalError = (message: string, facts: ErrorFacts): TmcError => new TmcError('terminal', message, facts);
export const malformedError = (message: string, cause?: unknown): TmcError =>
  new TmcError('malformed', message, { type: 'ResourceValidation', cause });

/** The text of any thrown value, for logs and reasons. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
