import { inspect } from 'node:util';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { parseUserYaml } from './user-yaml.ts';

function refusal(text: string): Error {
  try {
    parseUserYaml(text);
  } catch (error) {
    return error as Error;
  }
  throw new Error('it was accepted');
}

describe('YAML of users', () => {
  afterEach(() => vi.restoreAllMocks());

  it('is read', () => {
    expect(parseUserYaml('a: {b: [1]}')).toEqual({ a: { b: [1] } });
  });

  it.each([
    ['secretAccessKey: SECRET9 : bad: x', 'line 3, column 1'],
    ['token: SECRET9: x : y', 'line 3'],
    ['token: "SECRET9\\q"', 'line 3'],
    ['token: "SECRET9', 'line 4'],
    ['token: *SECRET9', 'alias'],
    ['SECRET9: 1\nSECRET9: 2', 'line 4'],
    ['token: {SECRET9', 'line'],
  ])('of which a line is wrong is told by place, without what the line holds: %s', (line, place) => {
    const error = refusal(`user:\n# a comment\n${line}\n`);
    expect(error.message).toContain(place);
    expect(inspect(error, { depth: 10 }).replace(/\n\s+at .*/g, '')).not.toContain('SECRET9');
    expect(error.cause).toBeUndefined();
  });

  it('warns of nothing, for a warning quotes its line', () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    expect(parseUserYaml('token: !SECRET9 abc')).toEqual({ token: 'abc' });
    expect(warned).not.toHaveBeenCalled();
  });
});
