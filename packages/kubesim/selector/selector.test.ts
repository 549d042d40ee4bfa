import { test } from '@fast-check/vitest';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchesFields, parseFieldSelector } from './field.ts';
import { matchesLabels, parseLabelSelector, SelectorError } from './label.ts';

describe('a label selector', () => {
  const labels = { app: 'web', tier: 'front', 'state.workload.kcp.io/abc': 'Sync', count: '5', empty: '' };

  it.each([
    ['', true],
    ['app=web', true],
    ['app==web', true],
    ['app = web , tier = front', true],
    ['app=db', false],
    ['app!=db', true],
    ['none!=db', true],
    ['app!=web', false],
    ['app', true],
    ['none', false],
    ['!none', true],
    ['! app', false],
    ['app in (web,db)', true],
    ['app in (db)', false],
    ['app notin (db, cache)', true],
    ['app notin (web)', false],
    ['none notin (web)', true],
    ['state.workload.kcp.io/abc=Sync', true],
    ['empty=', true],
    ['empty in ()', true],
    ['app=,tier', false],
    ['count>4', true],
    ['count<5', false],
    ['app>4', false],
    ['app=web,tier=back', false],
    ['in,app', false],
  ])('%j on the example is %s', (text, expected) => {
    expect(matchesLabels(parseLabelSelector(text), labels)).toBe(expected);
  });

  it.each([
    '=web',
    'app in web',
    'app in (web',
    'app=web,',
    'app,,tier',
    'app=not ok',
    'a b',
    '!',
    'bad key!=x',
    'a/b/c=d',
    'x>y',
    'app in (a b)',
    '-a=b',
    `a=${'v'.repeat(64)}`,
  ])('does not parse %j', (text) => {
    expect(() => parseLabelSelector(text)).toThrow(SelectorError);
  });

  const word = fc.stringMatching(/^[a-z]([a-z0-9.-]{0,6}[a-z0-9])?$/).filter((one) => one !== 'in' && one !== 'notin');
  test.prop([word, word, fc.dictionary(word, word)])('= and != are opposites', (key, value, any) => {
    const one = (operator: string) => matchesLabels(parseLabelSelector(`${key}${operator}${value}`), any);
    expect(one('=')).toBe(!one('!='));
  });

  test.prop([word, fc.uniqueArray(word, { minLength: 1, maxLength: 4 }), fc.dictionary(word, word)])(
    'in is an or of equalities',
    (key, values, any) => {
      const matches = (text: string) => matchesLabels(parseLabelSelector(text), any);
      expect(matches(`${key} in (${values.join(',')})`)).toBe(values.some((value) => matches(`${key}=${value}`)));
    },
  );
});

describe('a field selector', () => {
  const fields: Record<string, string> = { 'metadata.name': 'a', 'status.phase': 'Running', odd: 'x,y=z\\' };
  const matches = (text: string) => matchesFields(parseFieldSelector(text), (field) => fields[field]);

  it.each([
    ['', true],
    ['metadata.name=a', true],
    ['metadata.name==a', true],
    ['metadata.name=b', false],
    ['metadata.name!=b', true],
    ['metadata.name=a,status.phase!=Running', false],
    ['spec.nodeName=', true],
    ['odd=x\\,y\\=z\\\\', true],
  ])('%j on the example is %s', (text, expected) => {
    expect(matches(text)).toBe(expected);
  });

  it.each(['metadata.name', '=a', 'odd=x=y', 'odd=x\\y'])('does not parse %j', (text) => {
    expect(() => parseFieldSelector(text)).toThrow(SelectorError);
  });
});
