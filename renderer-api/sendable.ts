import { DiskCacheError } from '../protocol/error.ts';
import { keyFault } from '../protocol/key.ts';
import type { QueueOptions, Range } from '../protocol/options.ts';
import { valueFault } from '../protocol/value.ts';

/*
 * What can't cross to the main process is found before the turn's message is posted: a function would throw for the whole
 * message, a Blob would make it arrive as null, a class instance would lose its class in silence. Whether an argument makes
 * sense is for the engine to say.
 */

export type Fault = DiskCacheError | undefined;

export function ofKey(key: unknown): Fault {
  const fault = keyFault(key);
  return fault === undefined ? undefined : new DiskCacheError('BAD_KEY', fault);
}

export function ofKeys(keys: Iterable<unknown>): Fault {
  for (const key of keys) {
    const fault = ofKey(key);
    if (fault) return fault;
  }
  return undefined;
}

export function ofValue(value: unknown): Fault {
  const fault = valueFault(value);
  return fault === undefined ? undefined : new DiskCacheError('BAD_VALUE', fault);
}

export function ofEntries(entries: Iterable<readonly [unknown, unknown]>): Fault {
  for (const [key, value] of entries) {
    const fault = ofKey(key) ?? ofValue(value);
    if (fault) return fault;
  }
  return undefined;
}

export function ofOptions(options: unknown, name = 'options'): Fault {
  if (options === undefined) return undefined;
  const fault = valueFault(options, name);
  return fault === undefined ? undefined : new DiskCacheError('BAD_OPTION', fault);
}

export const ofRange = (range: Range): Fault =>
  ofKeysIn(range, ['from', 'to', 'prefix'], 'range') ?? ofOptions(range, 'range');

export const ofQueue = (options: QueueOptions | undefined): Fault =>
  ofKeysIn(options, ['prefix'], 'options') ?? ofOptions(options);

function ofKeysIn<T extends object>(
  options: T | undefined,
  names: readonly (keyof T & string)[],
  called: string,
): Fault {
  for (const name of names) {
    const key = options?.[name];
    const fault = key === undefined ? undefined : keyFault(key);
    if (fault !== undefined) return new DiskCacheError('BAD_KEY', `${called}.${name}: ${fault}`);
  }
  return undefined;
}
