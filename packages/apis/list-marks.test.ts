import { fc, it } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { absentByMark, digestOf, isWhole, marksOf } from './list-marks.ts';

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
