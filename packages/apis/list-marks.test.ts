import { fc, it } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { absentByMark, digestOf, isWhole, isWithin, marksOf, touches } from './list-marks.ts';

const keys = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 12 }), { maxLength: 40 });

describe('list marks', () => {
  it.prop([keys, keys, fc.integer({ min: 1, max: 200 })])(
    'find exactly what a list does not hold',
    (listed, extra, maxBytes) => {
      const marks = [...marksOf(listed, maxBytes)];
      const known = [...new Set([...listed, ...extra])];
      const absent = marks.flatMap((mark) => absentByMark(mark, known));
      expect(absent.sort()).toEqual(known.filter((key) => !listed.includes(key)).sort());
    },
  );

  it.prop([keys])('hold every key once, whatever the size of a mark', (listed) => {
    const marks = [...marksOf(listed, 20)];
    expect(marks.flatMap((mark) => mark.keys)).toEqual([...listed].sort());
    expect(marks.every(isWhole)).toBe(true);
  });

  it.prop([keys, fc.string({ minLength: 1, maxLength: 3 }), keys])(
    'touch a prefix when they speak of a key that begins with it',
    (listed, prefix, ends) => {
      for (const mark of marksOf(listed, 30)) {
        const spoken = ends.map((end) => prefix + end).filter((key) => isWithin(mark, key));
        if (spoken.length > 0) expect(touches(mark, prefix)).toBe(true);
      }
      expect([...marksOf(listed, 30)].filter((mark) => touches(mark, prefix)).length).toBeGreaterThan(0);
    },
  );

  it('do not touch what sorts before or after them', () => {
    const [mark] = [...marksOf([])];
    const range = { ...mark, begin: 'm|a', end: 'm|c' } as typeof mark & object;
    expect(['m|', 'm|a', 'm|b', 'm|bz'].map((prefix) => touches(range, prefix))).toEqual([true, true, true, true]);
    expect(['l', 'm|9', 'm|c', 'n'].map((prefix) => touches(range, prefix))).toEqual([false, false, false, false]);
  });

  it('cover everything when the list is empty', () => {
    const [mark, ...others] = [...marksOf([])];
    expect(others).toEqual([]);
    expect(mark && absentByMark(mark, ['a', 'z'])).toEqual(['a', 'z']);
  });

  it('prove nothing when a key is missing or another stands in its place', () => {
    const [mark] = [...marksOf(['a', 'b'])];
    if (!mark) throw new Error('no mark');
    expect(absentByMark({ ...mark, keys: ['a'] }, ['a', 'b'])).toEqual([]);
    expect(absentByMark({ ...mark, keys: ['a', 'c'] }, ['a', 'b'])).toEqual([]);
  });

  it('have a digest that does not depend on the order', () => {
    expect(digestOf(['a', 'b', 'c'])).toBe(digestOf(['c', 'a', 'b']));
    expect(digestOf(['a', 'b'])).not.toBe(digestOf(['a', 'c']));
  });
});
