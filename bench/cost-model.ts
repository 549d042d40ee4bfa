import { MONTH_S, PRICES } from './cost-prices.ts';

/** What things cost, by what is used. Pure. */

/** What is billed, for any number of events or any time. */
export type Usage = {
  /** Requests that send, by 64 KiB. */
  readonly sends: number;
  /** All other requests to queues, by 64 KiB; empty receives count. */
  readonly queueRequests: number;
  readonly writeUnits: number;
  readonly readUnits: number;
  readonly invocations: number;
  readonly gbSeconds: number;
  readonly logBytes: number;
  readonly secretCalls: number;
};

export const NOTHING: Usage = {
  sends: 0,
  queueRequests: 0,
  writeUnits: 0,
  readUnits: 0,
  invocations: 0,
  gbSeconds: 0,
  logBytes: 0,
  secretCalls: 0,
};

/** Several usages as one. */
export function added(...usages: readonly Usage[]): Usage {
  return usages.reduce((sum, one) => combined((key) => sum[key] + one[key]), NOTHING);
}

/** The usage of so many times as much. */
export const scaled = (usage: Usage, factor: number): Usage => combined((key) => usage[key] * factor);

function combined(partOf: (key: keyof Usage) => number): Usage {
  const keys = Object.keys(NOTHING) as (keyof Usage)[];
  return Object.fromEntries(keys.map((key) => [key, partOf(key)])) as Usage;
}

/** Dollars by line. */
export type Bill = {
  readonly send: number;
  readonly receive: number;
  readonly lambda: number;
  readonly writes: number;
  readonly reads: number;
  readonly logs: number;
  readonly secrets: number;
};

export function bill(usage: Usage): Bill {
  return {
    send: usage.sends * (PRICES.sqsRequest + PRICES.sqsFairRequest),
    receive: usage.queueRequests * PRICES.sqsRequest,
    lambda: usage.invocations * PRICES.lambdaRequest + usage.gbSeconds * PRICES.lambdaGbSecond,
    writes: usage.writeUnits * PRICES.writeUnit,
    reads: usage.readUnits * PRICES.readUnit,
    logs: usage.logBytes * PRICES.logByte,
    secrets: usage.secretCalls * PRICES.secretCall,
  };
}

/** Dollars of a usage. */
export const total = (usage: Usage): number => Object.values(bill(usage)).reduce((sum, line) => sum + line, 0);

/** Requests a payload of one call is billed as. */
export const chunksOf = (bytes: number): number => Math.max(1, Math.ceil(bytes / (64 * 1024)));

/** The assumptions of a plan, per relayed event. */
export type Plan = {
  /** Events in one request and one invocation. */
  readonly batch: number;
  readonly memoryGb: number;
  /** Of an invocation. */
  readonly durationS: number;
  readonly writes: number;
  readonly reads: number;
  readonly logBytes: number;
  /** Messages on a command queue: 1 where members are reached by pull. */
  readonly commands: number;
};

/** One event as planned: sent, received and deleted, handled; with a command also sent, received and deleted once more. */
export function planned({ batch, memoryGb, durationS, writes, reads, logBytes, commands }: Plan): Usage {
  return {
    ...NOTHING,
    sends: 1 / batch,
    // A send to a command queue has no message group.
    queueRequests: (2 + 3 * commands) / batch,
    invocations: 1 / batch,
    gbSeconds: (memoryGb * durationS) / batch,
    writeUnits: writes,
    readUnits: reads,
    logBytes,
  };
}

/**
 * Events a second at which two installations cost the same, or Infinity.
 * @param fixed Dollars a month of both at rest.
 * @param perEvent Dollars an event costs in ours; in the other one, which is always on, it costs nothing more.
 */
export function crossover(fixed: { readonly ours: number; readonly theirs: number }, perEvent: number): number {
  return perEvent > 0 ? Math.max(0, fixed.theirs - fixed.ours) / (perEvent * MONTH_S) : Number.POSITIVE_INFINITY;
}
