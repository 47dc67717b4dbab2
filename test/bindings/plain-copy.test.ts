import { describe, expect, it } from 'vitest';
import { reactive } from 'vue';
import { copyPlain } from '../../renderer-api/bindings/plain-copy.ts';

describe('a copy of what is shown while it is stored', () => {
  it('has no proxy in it, and none of its parts changes with the original', () => {
    const form = reactive({ title: 'Permits', tags: ['a', { deep: [1] }] });
    const copy = copyPlain(form);
    form.title = 'Phot';
    form.tags.push('b');
    (form.tags[1] as { deep: number[] }).deep.push(2);
    expect(structuredClone(copy)).toEqual({ title: 'Permits', tags: ['a', { deep: [1] }] });
  });

  it('keeps what else a store takes, or refuses: nothing is dropped', () => {
    const date = new Date(0);
    const bytes = new Uint8Array([1]);
    const symbol = Symbol('s');
    const sparse = Object.assign(new Array(3), { 1: 'one', extra: true });
    const copy = copyPlain({ date, bytes, sparse, [symbol]: 1, nothing: undefined, call: copyPlain });
    expect([copy.date, copy.bytes, copy.call]).toEqual([date, bytes, copyPlain]);
    expect(copy.date).toBe(date);
    expect([copy[symbol], 'nothing' in copy]).toEqual([1, true]);
    expect(copy.sparse).toEqual(sparse);
    expect([copy.sparse.length, 0 in copy.sparse, copy.sparse.extra]).toEqual([3, false, true]);
  });

  it('keeps a member named __proto__, circles, and parts that are used twice', () => {
    const parsed = JSON.parse('{ "__proto__": { "admin": true } }');
    const copy = copyPlain(parsed);
    expect(Object.keys(copy)).toEqual(['__proto__']);
    expect(copy.admin).toBeUndefined();
    const shared = { n: 1 };
    const circle: Record<string, unknown> = { shared, again: shared };
    circle['self'] = circle;
    const copied = copyPlain(circle);
    expect(copied).not.toBe(circle);
    expect(copied['self']).toBe(copied);
    expect(copied['again']).toBe(copied['shared']);
  });

  it('is the value itself, if that has no parts', () => {
    for (const value of [1, 'a', null, undefined, 2n, Number.NaN]) expect(copyPlain(value)).toBe(value);
  });
});
