import type { RecordedCall } from '../test/aws/calls/call.ts';
import { chunksOf, NOTHING, type Usage } from './cost-model.ts';

/** What a run used, from the calls that were recorded and the logs of the functions. Pure. */

/** One invocation of a function as the platform reported it. */
export type Invocation = { readonly function: string; readonly durationMs: number };

export type Run = {
  readonly calls: readonly RecordedCall[];
  readonly invocations: readonly Invocation[];
  readonly logBytes: number;
  readonly memoryGb: number;
};

/**
 * All that is billed. Each invocation of a mapping is one receive and one delete of its batch more, which no recorder sees.
 * Calls that the service refused, apart from failed conditions, are billed too and counted by the recorder.
 */
export function usageOf({ calls, invocations, logBytes, memoryGb }: Run): Usage {
  const queueCalls = calls.filter(({ service }) => service === 'sqs');
  const sends = queueCalls.filter(({ action }) => action === 'sqs:SendMessage');
  const others = queueCalls.filter(({ action }) => action !== 'sqs:SendMessage');
  const receivedBytes = sum(sends.map(({ bytes }) => bytes)) / Math.max(1, invocations.length);
  return {
    ...NOTHING,
    sends: sum(sends.map(({ bytes }) => chunksOf(bytes))),
    queueRequests: sum(others.map(({ bytes }) => chunksOf(bytes))) + invocations.length * (chunksOf(receivedBytes) + 1),
    writeUnits: sum(calls.map(({ writeUnits = 0 }) => writeUnits)),
    readUnits: sum(calls.map(({ readUnits = 0 }) => readUnits)),
    invocations: invocations.length,
    gbSeconds: sum(invocations.map(({ durationMs }) => (durationMs / 1000) * memoryGb)),
    logBytes,
    secretCalls: calls.filter(({ service }) => service === 'secretsmanager').length,
  };
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** Calls and invocations that prove life, which have their own price, and all others: events. */
export function split<T extends Pick<Run, 'calls' | 'invocations'>>(run: T, recoveryQueue: string) {
  const proves = ({ identity, resource }: RecordedCall): boolean =>
    RECOVERY.has(identity) || resource.endsWith(`:${recoveryQueue}`);
  return {
    events: {
      calls: run.calls.filter((call) => !proves(call)),
      invocations: run.invocations.filter(({ function: name }) => !RECOVERY.has(name)),
    },
    life: {
      calls: run.calls.filter(proves),
      invocations: run.invocations.filter(({ function: name }) => RECOVERY.has(name)),
    },
  };
}

const RECOVERY = new Set(['recover', 'sweep']);

/** Events the relays sent: entries, not requests. */
export function relayed(calls: readonly RecordedCall[]): number {
  const sent = calls.filter(({ identity, action }) => identity.includes('relay') && action === 'sqs:SendMessage');
  return sum(sent.map(({ items }) => items));
}

/** Item writes by functions; checkpoints of relays are theirs. */
export function tableWrites(calls: readonly RecordedCall[]): number {
  return calls.filter(({ identity, writeUnits = 0 }) => !identity.includes('relay') && writeUnits > 0).length;
}

/** Bytes AWS adds to each line of a log. */
const LINE_BYTES = 26;

/** The invocation a platform's last line of one tells of; undefined for other lines. */
export function invocationIn(line: string): number | undefined {
  const [, duration] = /^REPORT RequestId: .*?Duration: ([\d.]+) ms/.exec(line) ?? [];
  return duration === undefined ? undefined : Number(duration);
}

/** Bytes that a line of a log is billed as. */
export const lineBytes = (line: string): number => Buffer.byteLength(line) + LINE_BYTES;
