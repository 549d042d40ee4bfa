import { describe, expect, it } from 'vitest';
import { parsePolicy } from './document.ts';
import { type Call, type Exception, judge } from './evaluate.ts';

const QUEUE = 'arn:aws:sqs:us-east-1:000000000000:sync';
const DEAD = `${QUEUE}-dead`;
const TABLE = 'arn:aws:dynamodb:us-east-1:000000000000:table/State';

const place = parsePolicy(
  {
    Version: '2012-10-17',
    Statement: [
      { Sid: 'Send', Effect: 'Allow', Action: 'sqs:SendMessage', Resource: [QUEUE, DEAD] },
      {
        Effect: 'Allow',
        Action: ['dynamodb:GetItem', 'dynamodb:UpdateItem'],
        Resource: TABLE,
        Condition: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['T#*', 'F'] } },
      },
      { Effect: 'Deny', Action: 'sqs:PurgeQueue', Resource: '*' },
    ],
  },
  'of place',
);
const send = (resource: string, identity = 'place'): Call => ({ identity, action: 'sqs:SendMessage', resource });
const item = (action: string, ...leadingKeys: string[]): Call => ({
  identity: 'place',
  action: `dynamodb:${action}`,
  resource: TABLE,
  leadingKeys,
});
const ALL = [send(QUEUE), send(DEAD), item('GetItem', 'T#a'), item('UpdateItem', 'F')];

function judged(calls: readonly Call[], exceptions: readonly Exception[] = []) {
  return judge({ policies: { place: [place] }, calls, exceptions });
}

describe('calls against policies', () => {
  it('what is allowed and used passes; a denial needs no use', () => {
    expect(judged(ALL)).toEqual({ denied: [], unused: [], idle: [] });
  });

  it('what is needed and not allowed is told once, with how often it was called', () => {
    const other = item('GetItem', 'W#tenant');
    expect(judged([...ALL, other, other]).denied).toEqual([{ ...other, denial: 'implicit', times: 2 }]);
    expect(judged([...ALL, { identity: 'place', action: 'sqs:PurgeQueue', resource: QUEUE }]).denied).toMatchObject([
      { denial: 'explicit' },
    ]);
  });

  it('one with keys of which one is not allowed is denied', () => {
    expect(judged([...ALL, item('GetItem', 'T#a', 'W#b')]).denied).toHaveLength(1);
  });

  it("somebody without a policy is denied, and another one's calls use nothing", () => {
    const { denied, unused } = judged([send(QUEUE, 'stranger')]);
    expect(denied).toMatchObject([{ identity: 'stranger' }]);
    expect(unused.map(({ value }) => value)).toContain('sqs:SendMessage');
  });

  it('a call that nobody could read is denied', () => {
    const unknown = { identity: 'place', action: 'unknown:Kinesis.PutRecord: no reader', resource: '*' };
    expect(judged([...ALL, unknown]).denied).toHaveLength(1);
  });

  it.each([
    [ALL.filter((call) => call.resource !== DEAD), 'Send', 'resource', DEAD],
    [
      ALL.filter((call) => call.action !== 'dynamodb:UpdateItem').concat(item('GetItem', 'F')),
      '2',
      'action',
      'dynamodb:UpdateItem',
    ],
    [ALL.map((call) => (call.leadingKeys ? { ...call, leadingKeys: ['F'] } : call)), '2', 'condition', 'T#*'],
  ] as const)('an element that no call used is told', (calls, statement, element, value) => {
    expect(judged(calls).unused).toMatchObject([{ identity: 'place', statement, element, value }]);
  });

  it('a denied call uses nothing', () => {
    const calls = ALL.filter((call) => call.action !== 'dynamodb:UpdateItem');
    const { unused } = judged([...calls, item('UpdateItem', 'W#x'), item('GetItem', 'F')]);
    expect(unused).toMatchObject([{ element: 'action', value: 'dynamodb:UpdateItem' }]);
  });
});

describe('exceptions', () => {
  const reason = 'seen in another test';
  const calls = ALL.filter((call) => call.resource !== DEAD);

  it('excuse what is unused', () => {
    expect(judged(calls, [{ value: DEAD, reason }])).toEqual({ denied: [], unused: [], idle: [] });
    expect(
      judged(calls, [{ identity: 'pl*', value: '*-dead', element: 'resource', resource: QUEUE, reason }]).unused,
    ).toEqual([]);
  });

  it.each([
    [{ identity: 'sync-down', value: DEAD }],
    [{ element: 'action' as const, value: DEAD }],
    [{ value: QUEUE }],
    [{ value: DEAD, resource: TABLE }],
  ])('that fit nothing excuse nothing and are told: %j', (one) => {
    const exception = { ...one, reason };
    const { unused, idle } = judged(calls, [exception]);
    expect(unused).toHaveLength(1);
    expect(idle).toEqual([exception]);
  });

  it('never excuse a denied call', () => {
    expect(judged([...ALL, item('GetItem', 'W#x')], [{ value: '*', reason }]).denied).toHaveLength(1);
  });
});
