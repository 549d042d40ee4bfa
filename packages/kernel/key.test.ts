import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { formatGroupResource, formatKey, groupOf, parseKey } from './key.ts';

const word = fc.stringMatching(/^[a-z0-9][a-z0-9.:-]{0,20}$/);
const optional = fc.oneof(fc.constant(''), word);
const keyArb = fc.record({ workspace: word, group: optional, resource: word, namespace: optional, name: word });
const KEY = { workspace: 'root:a', group: 'apps', resource: 'deployments', namespace: 'default', name: 'web' };

describe('keys', () => {
  it('has one text', () => {
    expect(formatKey(KEY)).toBe('root:a|apps/deployments|default/web');
    expect(formatKey({ ...KEY, group: '', resource: 'namespaces', namespace: '' })).toBe('root:a|/namespaces|/web');
  });

  test.prop([keyArb])('reads back what was written', (key) => {
    expect(parseKey(formatKey(key))).toEqual(key);
  });

  test.prop([keyArb, keyArb])('different keys have different texts', (a, b) => {
    fc.pre(JSON.stringify(a) !== JSON.stringify(b));
    expect(formatKey(a)).not.toBe(formatKey(b));
  });

  it.each([
    [{ workspace: 'a|b' }, 'workspace'],
    [{ namespace: 'a#b' }, 'namespace'],
    [{ name: 'a b' }, 'name'],
  ])('refuses separators: %j', (change, part) => {
    expect(() => formatKey({ ...KEY, ...change })).toThrow(`key part ${part} must not contain`);
  });

  it.each(['workspace', 'resource', 'name'])('refuses an empty %s', (part) => {
    expect(() => formatKey({ ...KEY, [part]: '' })).toThrow('key needs workspace, resource and name');
  });

  it.each(['', 'web', 'a|b|c', '|apps/deployments|default/web', 'a|apps/deployments|default/', 'a|/|default/web'])(
    'refuses "%s"',
    (text) => {
      expect(() => parseKey(text)).toThrow(RangeError);
    },
  );

  it('names resources as kubectl does, groups from apiVersions', () => {
    expect(formatGroupResource({ group: 'apps', resource: 'deployments' })).toBe('deployments.apps');
    expect(formatGroupResource({ group: '', resource: 'services' })).toBe('services');
    expect([groupOf('apps/v1'), groupOf('v1')]).toEqual(['apps', '']);
  });
});
