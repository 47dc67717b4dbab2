import { crc32 } from 'node:zlib';
import type { Cache } from '../../main/engine/index.ts';

/*
 * What a writer does, step by step, known beforehand from a seed: so the test knows what has to be on disk after any number
 * of steps, and a value tells whether it is the one that was written.
 */

type Write =
  | { readonly verb: 'set'; readonly key: string; readonly bytes: number }
  | { readonly verb: 'delete'; readonly key: string }
  | { readonly verb: 'incr'; readonly key: string }
  | { readonly verb: 'push'; readonly bytes: number }
  | { readonly verb: 'pull' };

/** Writes that are one: a single one by itself, several in a transaction, which may end with a throw. */
export interface WriteStep {
  readonly index: number;
  readonly writes: readonly Write[];
  readonly fails: boolean;
}

const KiB = 1024;

/** Mulberry32, by Tommy Ettinger, public domain: numbers from 0 to 1. */
export function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function createStep(seed: number, index: number): WriteStep {
  const random = createRandom(Math.imul(seed, 7919) + index);
  const below = (limit: number) => Math.floor(random() * limit);
  const write = (): Write => {
    const roll = below(16);
    if (roll < 5) return { verb: 'set', key: `small ${below(20)}`, bytes: below(2000) };
    if (roll < 9) return { verb: 'set', key: `file ${below(8)}`, bytes: 33 * KiB + below(150 * KiB) };
    if (roll < 10) return { verb: 'set', key: `large ${below(2)}`, bytes: 1024 * KiB };
    if (roll < 12) return { verb: 'delete', key: random() < 0.5 ? `small ${below(20)}` : `file ${below(8)}` };
    if (roll < 13) return { verb: 'incr', key: 'count' };
    if (roll < 15) return { verb: 'push', bytes: random() < 0.5 ? 100 : 40 * KiB };
    return { verb: 'pull' };
  };
  const count = random() < 0.7 ? 1 : 2 + below(5);
  return { index, writes: Array.from({ length: count }, write), fails: count > 1 && random() < 0.2 };
}

/** Bytes that no other write of no other step has; none for what stores none. */
function createContent(index: number, at: number, write: Write): Uint8Array {
  const bytes = 'bytes' in write ? write.bytes : 0;
  return new Uint8Array(Buffer.alloc(bytes, `${index}.${at};`));
}

class IntendedFailure extends Error {}

/** Carries a step out. */
export function performStep(cache: Cache, { index, writes, fails }: WriteStep): void {
  const run = () => {
    for (const [at, write] of writes.entries()) applyWrite(cache, write, createContent(index, at, write));
    if (fails) throw new IntendedFailure();
  };
  try {
    if (writes.length === 1) run();
    else cache.transact(run);
  } catch (error) {
    if (!(error instanceof IntendedFailure)) throw error;
  }
}

function applyWrite(cache: Cache, write: Write, content: Uint8Array): void {
  switch (write.verb) {
    case 'set':
      cache.set(write.key, content);
      break;
    case 'delete':
      cache.delete(write.key);
      break;
    case 'incr':
      cache.incr(write.key);
      break;
    case 'push':
      cache.push(content);
      break;
    case 'pull':
      cache.pull();
  }
}

const toFingerprint = (value: unknown): string =>
  value instanceof Uint8Array ? `${value.length} bytes, ${crc32(value)}` : String(value);

/** What has to be on disk: fingerprints by key, and those of the queue in order. */
export class ExpectedStore {
  readonly items = new Map<string, string>();
  readonly queue: string[] = [];

  apply({ index, writes, fails }: WriteStep): void {
    if (fails) return;
    for (const [at, write] of writes.entries()) {
      switch (write.verb) {
        case 'set':
          this.items.set(write.key, toFingerprint(createContent(index, at, write)));
          break;
        case 'delete':
          this.items.delete(write.key);
          break;
        case 'incr':
          this.items.set(write.key, toFingerprint(Number(this.items.get(write.key) ?? 0) + 1));
          break;
        case 'push':
          this.queue.push(toFingerprint(createContent(index, at, write)));
          break;
        case 'pull':
          this.queue.shift();
      }
    }
  }

  serialize(): string {
    return JSON.stringify({ items: [...this.items].sort(([a], [b]) => (a < b ? -1 : 1)), queue: this.queue });
  }
}

/** What is on disk, read and verified value by value, in the form of `Expected`. The items of the queue have numbers as keys. */
export function readStoreState(cache: Cache): string {
  const expected = new ExpectedStore();
  for (const [key, value] of cache.entries({ order: 'key' })) {
    if (typeof key === 'number') expected.queue.push(toFingerprint(value));
    else expected.items.set(String(key), toFingerprint(value));
  }
  return expected.serialize();
}
