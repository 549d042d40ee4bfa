import { describe, expect, it } from 'vitest';
import { parsePolicy } from './document.ts';
import { matchesArn, matchesResource } from './match.ts';
import { type AskedCall, verdictOf } from './verdict.ts';

const TABLE = 'arn:aws:dynamodb:us-west-2:123456789012:table/myDynamoTable';
const S3 = 'arn:aws:s3:::amzn-s3-demo-bucket/object';

function asked(statements: object | readonly object[], call: AskedCall) {
  return verdictOf([parsePolicy({ Version: '2012-10-17', Statement: statements }, 'under test')], call);
}

const allows = (statements: object | readonly object[], call: AskedCall) => asked(statements, call).allowed;

describe('the order of decisions, as the IAM guide documents it', () => {
  const get = { action: 's3:GetObject', resource: S3 };
  const allow = { Effect: 'Allow', Action: 's3:*', Resource: '*' };
  const deny = { Effect: 'Deny', Action: 's3:GetObject', Resource: `${S3}*` };

  it('everything is denied by default', () => {
    expect(verdictOf([], get)).toEqual({ allowed: false, denial: 'implicit' });
    expect(asked({ ...allow, Action: 'ec2:*' }, get)).toEqual({ allowed: false, denial: 'implicit' });
  });

  it('an allow grants, and says which statement did', () => {
    expect(asked(allow, get)).toMatchObject({ allowed: true, by: [{ Action: ['s3:*'] }] });
  });

  it.each([[[allow, deny]], [[deny, allow]]])('a denial wins in any order', (statements) => {
    expect(asked(statements, get)).toEqual({ allowed: false, denial: 'explicit' });
    expect(allows(statements, { ...get, action: 's3:PutObject' })).toBe(true);
  });

  it('a denial in another policy of the identity wins too', () => {
    const policies = [allow, deny].map((Statement) => parsePolicy({ Version: '2012-10-17', Statement }, 'one of two'));
    expect(verdictOf(policies, get)).toEqual({ allowed: false, denial: 'explicit' });
  });
});

describe('actions and resources', () => {
  it.each([
    ['sqs:SendMessage', 'sqs:SendMessage', true],
    ['SQS:sendmessage', 'sqs:SendMessage', true],
    ['sqs:Send*', 'sqs:SendMessage', true],
    ['sqs:*Message', 'sqs:SendMessage', true],
    ['sqs:SendMessag?', 'sqs:SendMessage', true],
    ['sqs:SendMessage?', 'sqs:SendMessage', false],
    ['sqs:Send', 'sqs:SendMessage', false],
    ['dynamodb:*', 'sqs:SendMessage', false],
    ['*', 'sqs:SendMessage', true],
  ])('action %s and %s: %s', (Action, action, expected) => {
    const resource = 'arn:aws:sqs:us-east-1:1:q';
    expect(allows({ Effect: 'Allow', Action, Resource: '*' }, { action, resource })).toBe(expected);
  });

  it.each([
    ['arn:aws:sqs:us-east-1:1:commands-*', 'arn:aws:sqs:us-east-1:1:commands-east', true],
    ['arn:aws:sqs:us-east-1:1:commands-*', 'arn:aws:sqs:us-east-1:1:Commands-east', false],
    ['arn:aws:sqs:us-east-1:1:commands-?', 'arn:aws:sqs:us-east-1:1:commands-east', false],
    ['arn:aws:sqs:*:1:q', 'arn:aws:sqs:us-east-1:1:q', true],
    ['arn:aws:sqs:us*1:1:q', 'arn:aws:sqs:us-east-1:1:q', true],
    ['arn:aws:sqs:u*q', 'arn:aws:sqs:us-east-1:1:q', false],
    ['arn:aws:sqs:u*:q', 'arn:aws:sqs:us-east-1:1:q', true],
    [
      'arn:aws:secretsmanager:us-east-1:1:secret:hub-??????',
      'arn:aws:secretsmanager:us-east-1:1:secret:hub-a1B2c3',
      true,
    ],
    [
      'arn:aws:secretsmanager:us-east-1:1:secret:hub-??????',
      'arn:aws:secretsmanager:us-east-1:1:secret:hub-two-a1B2c3',
      false,
    ],
    ['arn:aws:sqs:us-east-1:1:a.c', 'arn:aws:sqs:us-east-1:1:abc', false],
  ])('resource %s and %s: %s', (pattern, resource, expected) => {
    expect(matchesResource(pattern, resource)).toBe(expected);
  });

  it('ARNs in conditions are compared part by part', () => {
    expect(matchesArn('arn:aws:lambda:*:1:function:*', 'arn:aws:lambda:us-east-1:1:function:place:live')).toBe(true);
    expect(matchesArn('arn:aws:*:place', 'arn:aws:lambda:us-east-1:1:function:place')).toBe(false);
  });
});

describe('conditions', () => {
  const withKeys = (over: string, values: string | string[]) => ({
    Effect: 'Allow',
    Action: ['dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:Scan'],
    Resource: TABLE,
    Condition: { [over]: { 'dynamodb:LeadingKeys': values } },
  });
  const get = (...leadingKeys: string[]) => ({ action: 'dynamodb:GetItem', resource: TABLE, leadingKeys });

  it('all of the keys must be among the values', () => {
    const statement = withKeys('ForAllValues:StringEquals', ['a', 'b']);
    expect(allows(statement, get('a'))).toBe(true);
    expect(allows(statement, get('a', 'b'))).toBe(true);
    expect(allows(statement, get('a', 'c'))).toBe(false);
    expect(allows(statement, get('A'))).toBe(false);
  });

  it('patterns are patterns for StringLike only', () => {
    expect(allows(withKeys('ForAllValues:StringLike', 'T#*'), get('T#east'))).toBe(true);
    expect(allows(withKeys('ForAllValues:StringLike', 'T#*'), get('FT#east'))).toBe(false);
    expect(allows(withKeys('ForAllValues:StringEquals', 'T#*'), get('T#east'))).toBe(false);
  });

  it('a call without keys, a scan, passes ForAllValues: only leaving out the action forbids it', () => {
    const scan = { action: 'dynamodb:Scan', resource: TABLE };
    expect(allows(withKeys('ForAllValues:StringLike', 'T#*'), scan)).toBe(true);
    expect(allows(withKeys('ForAnyValue:StringLike', 'T#*'), scan)).toBe(false);
  });

  it('any of the keys will do for ForAnyValue', () => {
    expect(allows(withKeys('ForAnyValue:StringEquals', 'a'), get('a', 'c'))).toBe(true);
  });

  it('several conditions must hold together', () => {
    const statement = {
      Effect: 'Allow',
      Action: 'sqs:SendMessage',
      Resource: '*',
      Condition: {
        ArnLike: { 'aws:SourceArn': 'arn:aws:events:*:1:rule/*' },
        StringEquals: { 'AWS:SourceAccount': ['1', '2'] },
      },
    };
    const call = { action: 'sqs:SendMessage', resource: 'arn:aws:sqs:us-east-1:1:q' };
    const sourceArn = 'arn:aws:events:us-east-1:1:rule/sweep';
    expect(allows(statement, { ...call, sourceArn, sourceAccount: '2' })).toBe(true);
    expect(allows(statement, { ...call, sourceArn, sourceAccount: '3' })).toBe(false);
    expect(allows(statement, { ...call, sourceAccount: '1' })).toBe(false);
  });
});

describe('what is not understood', () => {
  const statement = { Effect: 'Allow', Action: 'sqs:SendMessage', Resource: '*' };

  const refused: readonly (readonly [string, object])[] = [
    ['an older version', { Version: '2008-10-17', Statement: statement }],
    ['no version', { Statement: statement }],
    ['an element of the document', { Version: '2012-10-17', Statement: statement, Extra: 1 }],
    ...[
      { NotAction: 'sqs:*' },
      { NotResource: '*' },
      { Principal: '*' },
      { Effect: 'Maybe' },
      { Action: 'SendMessage' },
      { Action: [] },
      { Resource: 'queue' },
      // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of IAM
      { Resource: 'arn:aws:s3:::home/${aws:username}' },
      { Condition: { StringNotEquals: { 'aws:SourceAccount': '1' } } },
      { Condition: { StringEqualsIfExists: { 'aws:SourceAccount': '1' } } },
      { Condition: { StringEquals: { 'aws:RequestedRegion': 'us-east-1' } } },
      { Condition: { StringEquals: { 'dynamodb:LeadingKeys': 'a' } } },
      { Condition: { 'ForAllValues:StringEquals': { 'aws:SourceAccount': '1' } } },
    ].map((more) => [JSON.stringify(more), { Version: '2012-10-17', Statement: { ...statement, ...more } }] as const),
  ];

  it.each(refused)('%s is refused with the name of the policy', (_, policy) => {
    expect(() => parsePolicy(policy, 'inline of role place')).toThrow(
      'the policy inline of role place is not understood',
    );
  });

  it('names each element', () => {
    const policy = {
      Version: '2012-10-17',
      Statement: { ...statement, NotAction: 'a:b', Condition: { Bool: { x: 'true' } } },
    };
    expect(() => parsePolicy(JSON.stringify(policy), 'p')).toThrow(/NotAction/);
    expect(() => parsePolicy(JSON.stringify(policy), 'p')).toThrow(/condition operator Bool/);
  });
});
