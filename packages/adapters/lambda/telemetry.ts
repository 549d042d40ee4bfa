/**
 * What functions tell the outside, as two small ports: Powertools implements them on Lambda, pino and prom-client in the
 * embedded host.
 */

/** Structured log: fixed field names (`workspace`, `key`, `target`, `messageId`, `attempt`, …), never an object's body. */
export type Log = {
  debug(fields: Record<string, unknown>, message: string): void;
  info(fields: Record<string, unknown>, message: string): void;
  warn(fields: Record<string, unknown>, message: string): void;
  error(fields: Record<string, unknown>, message: string): void;
};

/** Counters and distributions; labels are few and bounded (function, queue, outcome), never an object's name. */
export type Meter = {
  count(name: string, labels: Record<string, string>, by?: number): void;
  /** Several at once, in seconds: on Lambda every call is a line of the log, which costs more than the queue. */
  observe(name: string, labels: Record<string, string>, values: readonly number[]): void;
};
