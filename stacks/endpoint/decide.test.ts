import { describe, expect, it } from 'vitest';
import { decide, digests } from './decide.ts';

const WANTED = { timeout: 20, environment: { A: '1', B: '2' }, keys: 'pk' };
const settled = { isSettled: true, wanted: digests(WANTED), seen: digests(WANTED) };

describe('what is done about a resource', () => {
  it('creates what is not there, whether or not it was made before', () => {
    expect(decide({}, WANTED, undefined, undefined)).toEqual({ do: 'create' });
    expect(decide({}, WANTED, settled, undefined)).toEqual({ do: 'create' });
  });

  it('leaves alone what is as it was left, in any order of keys', () => {
    const live = { keys: 'pk', environment: { B: '2', A: '1' }, timeout: 20 };
    expect(decide({}, WANTED, settled, { fields: live })).toEqual({ do: 'none' });
  });

  it('names the fields that the program changed', () => {
    const wanted = { ...WANTED, timeout: 30 };
    expect(decide({}, wanted, settled, { fields: WANTED })).toEqual({ do: 'update', fields: ['timeout'] });
  });

  it('names the fields that the program takes away, also where the last run was cut', () => {
    const { keys: _keys, ...rest } = WANTED;
    expect(decide({}, rest, settled, { fields: WANTED })).toEqual({ do: 'update', fields: ['keys'] });
    const cut = { ...settled, isSettled: false, seen: {} };
    const all = { do: 'update', fields: ['timeout', 'environment', 'keys'] };
    expect(decide({}, rest, cut, { fields: WANTED })).toEqual(all);
  });

  it('does not look at what the program never said, but at a list that it wants empty', () => {
    const live = { fields: { ...WANTED, policies: ['by hand'] } };
    expect(decide({}, WANTED, settled, live)).toEqual({ do: 'none' });
    const wanted = { ...WANTED, policies: [] };
    const known = { isSettled: true, wanted: digests(wanted), seen: digests(wanted) };
    expect(decide({}, wanted, known, live)).toEqual({ do: 'update', fields: ['policies'] });
  });

  it('puts back what was changed by hand', () => {
    const live = { ...WANTED, environment: { A: '1' } };
    expect(decide({}, WANTED, settled, { fields: live })).toEqual({ do: 'update', fields: ['environment'] });
  });

  it('does not mind an endpoint that shows a value otherwise than it was given', () => {
    const shown = { ...WANTED, timeout: '20', environment: null };
    const known = { ...settled, seen: digests(WANTED, shown) };
    expect(decide({}, WANTED, known, { fields: shown })).toEqual({ do: 'none' });
  });

  it('sets everything again where the last run was cut', () => {
    const cut = { isSettled: false, wanted: {}, seen: {} };
    expect(decide({}, WANTED, cut, { fields: WANTED })).toEqual({ do: 'update', fields: Object.keys(WANTED) });
  });

  it('refuses what it did not make, except for settings of other resources', () => {
    expect(decide({}, WANTED, undefined, { fields: WANTED })).toEqual({ do: 'refuse', because: 'foreign' });
    expect(decide({ adopts: 'setting' }, WANTED, undefined, { fields: WANTED })).toEqual({ do: 'create' });
  });

  it('makes anew what cannot be changed, but nothing that holds data', () => {
    const wanted = { ...WANTED, keys: 'id' };
    const live = { fields: WANTED };
    expect(decide({ fixed: ['keys'] }, wanted, settled, live)).toEqual({ do: 'replace', fields: ['keys'] });
    expect(decide({ fixed: ['keys'], holdsData: true }, wanted, settled, live)).toEqual({
      do: 'refuse',
      because: 'fixed',
      fields: ['keys'],
    });
  });
});
