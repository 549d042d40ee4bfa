import { describe, expect, it } from 'vitest';
import type { RecordedCall } from '../test/aws/calls/call.ts';
import { invocationIn, lineBytes, relayed, split, tableWrites, usageOf } from './cost-usage.ts';

const call = (more: Partial<RecordedCall>): RecordedCall => ({
  identity: 'sync-down',
  service: 'sqs',
  action: 'sqs:SendMessage',
  resource: 'arn:aws:sqs:us-east-1:0:sync',
  items: 1,
  bytes: 100,
  status: 200,
  request: 1,
  ...more,
});
const write = call({ service: 'dynamodb', action: 'dynamodb:UpdateItem', resource: 'arn:table', writeUnits: 2 });
const read = call({ service: 'dynamodb', action: 'dynamodb:Query', resource: 'arn:table', readUnits: 3 });
const invocation = { function: 'sync-down', durationMs: 200 };

describe('usage of a run', () => {
  it('counts requests by 64 KiB, and a receive and a delete for each invocation', () => {
    const calls = [
      call({ items: 10, bytes: 70_000 }),
      call({ action: 'sqs:ChangeMessageVisibility', bytes: 0 }),
      write,
      read,
      call({ service: 'secretsmanager', action: 'secretsmanager:GetSecretValue', resource: 'arn:secret' }),
    ];
    expect(usageOf({ calls, invocations: [invocation, invocation], logBytes: 600, memoryGb: 0.5 })).toEqual({
      sends: 2,
      queueRequests: 1 + 2 * 2,
      writeUnits: 2,
      readUnits: 3,
      invocations: 2,
      gbSeconds: 0.2,
      logBytes: 600,
      secretCalls: 1,
    });
  });

  it('what came in is billed by 64 KiB as well', () => {
    const usage = usageOf({ calls: [call({ bytes: 70_000 })], invocations: [invocation], logBytes: 0, memoryGb: 1 });
    expect(usage.queueRequests).toBe(2 + 1);
  });

  it('signs of life are apart from events', () => {
    const beat = call({ identity: 'relay-east', resource: 'arn:aws:sqs:us-east-1:0:app-recovery' });
    const seen = { ...write, identity: 'recover' };
    const recover = { function: 'recover', durationMs: 1 };
    const run = { calls: [call({}), beat, seen], invocations: [invocation, recover] };
    expect(split(run, 'app-recovery')).toEqual({
      events: { calls: [call({})], invocations: [invocation] },
      life: { calls: [beat, seen], invocations: [recover] },
    });
  });

  it('events are the entries that relays sent; table writes are those of functions', () => {
    const calls = [
      call({ identity: 'hub-relay', items: 7 }),
      call({ identity: 'relay-east', items: 3 }),
      call({ items: 5 }),
      write,
      { ...write, identity: 'hub-relay' },
      read,
    ];
    expect(relayed(calls)).toBe(10);
    expect(tableWrites(calls)).toBe(1);
  });
});

describe('lines of a log', () => {
  it('the last one of an invocation tells how long it took', () => {
    const line = 'REPORT RequestId: 5e2e\tDuration: 12.5 ms\tBilled Duration: 13 ms\tMemory Size: 512 MB';
    expect(invocationIn(line)).toBe(12.5);
    expect(invocationIn('END RequestId: 5e2e')).toBeUndefined();
    expect(invocationIn('{"message":"REPORT RequestId: x Duration: 1 ms"}')).toBeUndefined();
  });

  it('have 26 bytes each more than their text', () => {
    expect(lineBytes('é')).toBe(28);
  });
});
