import type { Log } from '@tmc/adapters/lambda/telemetry.ts';
import type { SourceReport } from '@tmc/relay/main.ts';

/** Logs what relays say of their sources: once when one enters a failing state, once when it leaves it. */
export function reportTo(log: Log, relay: string): (report: SourceReport) => void {
  return ({ endpoint, resource, state, message, hint }) => {
    const fields = { relay, endpoint, resource, state, ...(hint !== undefined && { hint }) };
    if (message === undefined) log.info(fields, `${resource} at ${endpoint} is ${state} again`);
    else log.warn(fields, `${resource} at ${endpoint} is ${state}: ${message}`);
  };
}
