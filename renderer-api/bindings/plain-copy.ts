import { copyValue } from '../../protocol/clone.ts';

/**
 * Returns a copy of a value that is about to be shown and stored. What a form holds is a proxy in Vue and Svelte: shown itself, it would
 * change with the form. What can't be stored is returned as it is; the store tells what is wrong with it.
 */
export function copyPlain<T>(value: T): T {
  try {
    return copyValue(value) as T;
  } catch {
    return value;
  }
}
