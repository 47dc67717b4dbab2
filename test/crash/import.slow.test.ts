import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Cache, Deque, Index } from '../../main/engine/index.ts';
import { isEqual } from '../../main/engine/internal.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { KillableProcess } from './killable-process.ts';

const ITEMS = 200;
const STEPS = [20, 150];

const getValue = (n: number): unknown =>
  n % 60 === 7 ? new Uint8Array(1_100_000 + n) : { n, map: new Map([[n, 'x']]) };

/** Writes an export of `ITEMS` items to a file. */
async function writeExport(store: Cache | Index | Deque, file: string): Promise<void> {
  const lines: string[] = [];
  for await (const line of store.export()) lines.push(line);
  writeFileSync(file, `${lines.join('\n')}\n`);
}

async function killImport(...args: readonly string[]): Promise<void> {
  await new KillableProcess('./importer.ts', ...args).waitUntilKilled();
}

it.each(['cache', 'exclusive', 'index'])(
  'a killed import into %s leaves whole items, and is completed by the next',
  async (kind) => {
    const directory = freshDirectory();
    const file = join(directory, 'lines');
    const isIndex = kind === 'index';
    using source = isIndex ? new Index(join(directory, 'source')) : new Cache(join(directory, 'source'));
    for (let n = 0; n < ITEMS; n++) source.set(n, getValue(n));
    await writeExport(source, file);
    for (const step of STEPS) {
      const target = join(directory, `target-${step}`);
      await killImport(kind, target, file, String(step));
      const found = isIndex ? new Index(target) : new Cache(target);
      let items = 0;
      for (const [key, value] of found.entries()) {
        expect(isEqual(value, getValue(Number(key)))).toBe(true);
        expect(key).toBe(items++);
      }
      found.close();
      await killImport(kind, target, file, '1000000');
      using whole = isIndex ? new Index(target) : new Cache(target);
      expect([...whole.keys()]).toEqual([...source.keys()]);
      expect(whole.check()).toEqual([]);
    }
  },
);

it('a killed import into a deque leaves its first values, and is completed by the next', async () => {
  const directory = freshDirectory();
  const file = join(directory, 'lines');
  using source = new Deque(join(directory, 'source'));
  source.extend(Array.from({ length: ITEMS }, (_, n) => getValue(n)));
  await writeExport(source, file);
  for (const step of STEPS) {
    const target = join(directory, `target-${step}`);
    await killImport('deque', target, file, String(step));
    const found = new Deque(target);
    const values = [...found];
    for (const [n, value] of values.entries()) expect(isEqual(value, getValue(n))).toBe(true);
    found.close();
    await killImport('deque', target, file, '1000000');
    using whole = new Deque(target);
    expect(whole.equals(source)).toBe(true);
  }
});
