import { describe, expect, it } from 'vitest';
import { CHANGES, envelopeSchema } from './envelope.ts';

const ENVELOPE = {
  v: 1,
  id: 'e1',
  at: 1_700_000_000_000,
  source: { kind: 'hub', id: 'h', relay: 'r', epoch: 0 },
  key: { workspace: 'root:a', group: 'apps', resource: 'deployments', namespace: 'default', name: 'web' },
  uid: 'u',
  rv: '5',
  change: 'upsert',
};
const accepts = (change: object) => envelopeSchema.safeParse({ ...ENVELOPE, ...change }).success;

describe('envelope', () => {
  it('reads what a relay sends, the body untouched', () => {
    const body = { apiVersion: 'v1', kind: 'X', metadata: { name: 'web' }, data: { a: [1, null] }, odd: true };
    const parsed = envelopeSchema.parse({ ...ENVELOPE, body, hash: 'h', drifted: true, traceparent: '00' });
    expect(parsed.body).toEqual(body);
    expect(parsed).toMatchObject({ ...ENVELOPE, drifted: true });
  });

  it.each(CHANGES)('knows change %s', (change) => {
    expect(accepts({ change })).toBe(true);
  });

  it('a cluster-scoped object of the core group has empty parts', () => {
    expect(accepts({ key: { ...ENVELOPE.key, group: '', namespace: '' } })).toBe(true);
  });

  it.each([
    { v: 2 },
    { id: '' },
    { at: 'now' },
    { change: 'apply' },
    { key: { ...ENVELOPE.key, name: '' } },
    { key: { ...ENVELOPE.key, workspace: '' } },
    { source: { ...ENVELOPE.source, epoch: -1 } },
    { source: { ...ENVELOPE.source, kind: 'stranger' } },
    { uid: undefined },
    { body: 'text' },
    { body: { kind: 'X' } },
    { body: null },
  ])('refuses %j', (change) => {
    expect(accepts(change)).toBe(false);
  });
});
