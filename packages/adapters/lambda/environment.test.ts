import { messageOf } from '@tmc/kernel/errors.ts';
import { describe, expect, it } from 'vitest';
import { FUNCTION_NAMES, type FunctionName, parseMembers, readEnvironment, variablesOf } from './environment.ts';

const syncTarget = { workspace: 'shop', name: 'west' };
const url = 'https://127.0.0.1:6443';
const queue = { url: 'https://sqs/q', deadLetterUrl: 'https://sqs/q-dead' };
const complete = {
  TMC_HUB: JSON.stringify({ kind: 'kubernetes', workspace: 'shop', connection: { url, secret: 'tmc/hub' } }),
  TMC_MEMBERS: JSON.stringify([{ name: 'west', syncTarget, connection: { url, eks: 'west' } }]),
  TMC_TABLE: 'tmc',
  TMC_QUEUES: JSON.stringify({ placement: queue, sync: queue, status: queue, recovery: queue }),
};

function faults(name: FunctionName, env: Record<string, string>): string[] {
  try {
    readEnvironment(name, env);
  } catch (error) {
    return messageOf(error)
      .split('\n')
      .slice(1)
      .map((line) => line.trim());
  }
  throw new Error('nothing was wrong');
}

describe('environment of functions', () => {
  it.each(FUNCTION_NAMES)('%s is content with its own variables alone', (name) => {
    const own = Object.fromEntries(Object.entries(complete).filter(([key]) => variablesOf(name).includes(key)));
    expect(Object.keys(readEnvironment(name, own)).sort()).toEqual(variablesOf(name));
  });

  it('says what each function reads', () => {
    expect(Object.fromEntries(FUNCTION_NAMES.map((name) => [name, variablesOf(name)]))).toEqual({
      place: ['POWERTOOLS_LOG_LEVEL', 'TMC_HUB', 'TMC_QUEUES', 'TMC_TABLE'],
      'sync-down': ['POWERTOOLS_LOG_LEVEL', 'TMC_HUB', 'TMC_MEMBERS', 'TMC_QUEUES', 'TMC_TABLE'],
      'sync-up': ['POWERTOOLS_LOG_LEVEL', 'TMC_HUB', 'TMC_MEMBERS', 'TMC_QUEUES', 'TMC_TABLE'],
      recover: ['POWERTOOLS_LOG_LEVEL', 'TMC_HUB', 'TMC_QUEUES', 'TMC_TABLE'],
      sweep: ['POWERTOOLS_LOG_LEVEL', 'TMC_HUB', 'TMC_TABLE'],
      redrive: ['POWERTOOLS_LOG_LEVEL', 'TMC_QUEUES'],
      api: ['POWERTOOLS_LOG_LEVEL', 'TMC_QUEUES', 'TMC_TABLE'],
    });
  });

  it('names every fault at once, those inside of JSON too', () => {
    const hub = { kind: 'kubernetes', connection: { url: 'nowhere', token: 'hunter2', secret: 'tmc/hub', ca: 7 } };
    const members = [{ name: 'west', syncTarget: { workspace: 'shop' }, connection: { url, extra: 'hunter2' } }];
    const env = {
      TMC_HUB: JSON.stringify(hub),
      TMC_MEMBERS: JSON.stringify(members),
      TMC_QUEUES: '{"sync":',
      POWERTOOLS_LOG_LEVEL: 'LOUD',
    };
    expect(faults('sync-down', env)).toEqual([
      'TMC_HUB.workspace: expected string, received nothing',
      'TMC_HUB.connection.url: expected a URL, received a text of 7 character(s)',
      'TMC_HUB.connection.ca: expected string, received a number',
      'TMC_HUB.connection: expected at most one of token, tokenFile, secret, parameter, eks, received an object',
      'TMC_MEMBERS.0.syncTarget.name: expected string, received nothing',
      'TMC_MEMBERS.0.connection.extra: expected no such setting, received one',
      'TMC_TABLE: expected string, received nothing',
      'TMC_QUEUES: expected JSON, received a text of 8 character(s)',
      expect.stringMatching(/^POWERTOOLS_LOG_LEVEL: expected "TRACE" or .*, received a text of 4 character\(s\)$/),
    ]);
  });

  it('names the kinds of hub there are', () => {
    expect(faults('place', { ...complete, TMC_HUB: '{"kind":"other"}' })).toEqual([
      'TMC_HUB.kind: expected "kubernetes" or "kcp", received a text of 5 character(s)',
    ]);
  });

  it.each([
    ['in place of JSON', 'hunter2'],
    ['as a JSON text', '"hunter2"'],
    ['beside another source', JSON.stringify({ kind: 'kubernetes', connection: { token: 'hunter2', eks: 'x' } })],
    ['under a wrong name', JSON.stringify({ kind: 'kcp', connection: { url, password: 'hunter2' } })],
  ])('does not show a credential %s', (_, text) => {
    expect(faults('place', { ...complete, TMC_HUB: text }).join('\n')).not.toContain('hunter2');
  });

  it('takes the name of a secret in place of the list of members', () => {
    const { TMC_MEMBERS } = readEnvironment('sync-up', { ...complete, TMC_MEMBERS: '{"secret":"tmc/dev/members"}' });
    expect(TMC_MEMBERS).toEqual({ secret: 'tmc/dev/members' });
    expect(faults('sync-up', { ...complete, TMC_MEMBERS: '{"secret":""}' })).toEqual([
      'TMC_MEMBERS.secret: expected at least 1 character(s), received an empty text',
    ]);
  });

  it('checks the list in a secret as strictly', () => {
    expect(parseMembers(complete.TMC_MEMBERS, 'tmc/dev/members')).toMatchObject([{ name: 'west', epoch: 0 }]);
    const parse = () => parseMembers('[{"name":"west"}]', 'tmc/dev/members');
    expect(parse).toThrow(/^secret tmc\/dev\/members is not a valid configuration:\n {2}0\.syncTarget: /);
  });
});
