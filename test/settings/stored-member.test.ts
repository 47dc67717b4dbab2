import { describe, expect, it } from 'vitest';
import {
  type OwnCopies,
  resetSetting,
  type StoredMember,
  setSetting,
  withoutEmptyMembers,
} from '../../main/engine/settings/stored-member.ts';

const getMembers = (stored: StoredMember | undefined) => (stored as { readonly members: object }).members;
const getValue = (stored: StoredMember | undefined) => (stored as { readonly value: object }).value;

describe('many paths below one member', () => {
  it('copy its stored members once, and leave the ones before as they were', () => {
    const before: StoredMember = { members: { a: { value: 1 }, b: { value: 2 } } };
    const copies: OwnCopies = new WeakSet();
    const first = setSetting(before, undefined, ['a'], 10, ['m'], copies);
    const second = setSetting(first, undefined, ['c'], 3, ['m'], copies);
    const third = resetSetting(second, undefined, ['b'], copies);
    expect(getMembers(first)).not.toBe(getMembers(before));
    expect(getMembers(second)).toBe(getMembers(first));
    expect(getMembers(third)).toBe(getMembers(first));
    expect(third).toEqual({ members: { a: { value: 10 }, c: { value: 3 } } });
    expect(before).toEqual({ members: { a: { value: 1 }, b: { value: 2 } } });
  });

  it('copy an object that was set as a whole once, and not the defaults that take the place of its members', () => {
    const whole = { size: { width: 1 }, name: 'x' };
    const defaults = { size: { width: 8, height: 6 } };
    const copies: OwnCopies = new WeakSet();
    const first = setSetting({ value: whole }, defaults, ['name'], 'y', ['m'], copies);
    const second = resetSetting(first, defaults, ['size'], copies);
    const third = setSetting(second, defaults, ['size', 'height'], 7, ['m'], copies);
    expect(getValue(third)).toBe(getValue(first));
    expect(third).toEqual({ value: { size: { width: 8, height: 7 }, name: 'y' } });
    expect([whole, defaults]).toEqual([{ size: { width: 1 }, name: 'x' }, { size: { width: 8, height: 6 } }]);
  });

  it('leave nothing when all of them were reset', () => {
    const stored: StoredMember = { members: { a: { members: { b: { value: 1 }, c: { value: 2 } } } } };
    const copies: OwnCopies = new WeakSet();
    const first = resetSetting(stored, undefined, ['a', 'b'], copies);
    expect(withoutEmptyMembers(first)).toEqual({ members: { a: { members: { c: { value: 2 } } } } });
    expect(withoutEmptyMembers(resetSetting(first, undefined, ['a', 'c'], copies))).toBeUndefined();
  });
});
