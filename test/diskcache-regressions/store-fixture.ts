import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Cache, type CacheOptions, type Key } from '../../main/engine/index.ts';
import { createManualClock } from '../engine/engine-fixture.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

/** A store in a new directory, with a clock that moves only by hand. */
export interface StoreFixture<K extends Key, V> extends Disposable {
  readonly cache: Cache<K, V>;
  advance(ms: number): void;
  /** Opens another store on the same directory, with the same clock. */
  openAnother(options?: CacheOptions): Cache<K, V>;
}

export function openFixture<K extends Key = Key, V = unknown>(options: CacheOptions = {}): StoreFixture<K, V> {
  const { clock, advance } = createManualClock();
  const opened = [new Cache<K, V>(freshDirectory() as never, { clock, ...options })];
  const openAnother = (more: CacheOptions = {}) => {
    const cache = new Cache<K, V>(opened[0]!.directory as never, { clock, ...more });
    opened.push(cache);
    return cache;
  };
  const close = () => {
    for (const cache of opened) cache.close();
  };
  return { cache: opened[0]!, advance, openAnother, [Symbol.dispose]: close };
}

/** Returns the paths of all value files, placed and staged. */
export const listValueFiles = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.val'))
    .map((path) => join(directory, path));

/** A text that is stored in a file. */
export const createLargeText = (mark: string): string => mark.repeat(50_000);
