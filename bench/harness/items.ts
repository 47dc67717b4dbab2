import { isDeepStrictEqual } from 'node:util';
import type { ItemForm } from '../peer/stores/store.ts';
import { Values } from './keys-and-values.ts';

/** The values of all items of a store, by number. */
export interface Items {
  readonly form: ItemForm;
  at(index: number): unknown;
  /** @throws `Error` if `value` is not that of item `index`. */
  assertValue(index: number, value: unknown): void;
}

export interface SmallObject {
  readonly id: number;
  readonly name: string;
  readonly active: boolean;
  readonly score: number;
  readonly tag: null;
}

/** diskcache_peer.py makes the same ones. */
export const createObject = (index: number): SmallObject => ({
  id: index,
  name: `name ${index}`,
  active: index % 2 === 0,
  score: index / 8,
  tag: null,
});

const OBJECTS: Items = {
  form: 'object',
  at: createObject,
  assertValue(index, value) {
    if (!isDeepStrictEqual(value, createObject(index)))
      throw new Error(`Object number ${index} came back as ${JSON.stringify(value)}`);
  },
};

/** Values of a form; `bytes` is their length, which objects don't have. */
export const createItems = (form: ItemForm, bytes: number): Items =>
  form === 'object' ? OBJECTS : new Values(form, bytes);
