import { execFile } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { findDanglingRows } from './orphan-files.ts';

const ITEMS = 6000;
/** What is deleted, and committed, before the rest is deleted at once. */
const FIRST_BATCH_ITEMS = 256;
const MAX_STEPS = 200;
const SCRIPT = fileURLToPath(new URL('./mass-deleter.ts', import.meta.url));

/** Runs the deleter until it kills itself; returns what it said. */
const runDeleter = (...args: readonly string[]): Promise<string> =>
  new Promise((resolve, reject) => {
    execFile(process.execPath, [SCRIPT, ...args], (error, stdout, stderr) => {
      if (error?.signal === 'SIGKILL') resolve(stdout.trim());
      else reject(new Error(`The deleter was not killed: ${stderr}`));
    });
  });

function readTable(directory: string): { readonly rows: number; readonly indexes: readonly unknown[] } {
  const database = new Database(join(directory, 'cache.db'));
  try {
    expect(database.pragma('integrity_check', { simple: true })).toBe('ok');
    const indexes = database
      .prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND name <> 'entry_stored_at' ORDER BY name")
      .raw()
      .all();
    return { rows: Number(database.prepare('SELECT count(*) FROM entry').pluck().get()), indexes };
  } finally {
    database.close();
  }
}

function fillTemplate(percent: number): string {
  const directory = freshDirectory();
  using cache = new Cache<string, string>(directory, {
    durability: 'process',
    fileThreshold: 300,
    evictionPolicy: 'least-recently-stored',
  });
  cache.transact(() => {
    for (let n = 0; n < ITEMS; n++) {
      const key = (Math.imul(n, 2_654_435_761) >>> 0).toString(36) + n;
      const value = n % 500 === 0 ? 'y'.repeat(400) : 'x'.repeat(100);
      if (n % 100 < percent) cache.set(`a${key}`, value, { tag: 'a' });
      else cache.set(`b${key}`, value);
    }
  });
  return directory;
}

it.each([
  ['evict', 50],
  ['evict', 97],
  ['deletePrefix', 50],
  ['cull', 50],
])(
  'a process killed at any step of %s has deleted all or none, and no index is missing',
  {
    timeout: 300_000,
  },
  async (verb, percent) => {
    const template = fillTemplate(percent);
    if (verb === 'cull') {
      using cache = new Cache(template);
      cache.configure({ sizeLimit: 700 * 2 ** 10 });
    }
    const { rows, indexes } = readTable(template);
    const all = (ITEMS / 100) * percent;
    const first = verb === 'cull' ? 0 : FIRST_BATCH_ITEMS;
    let said = '';
    const steps: string[] = [];
    for (let step = 0; said !== 'done' && step < MAX_STEPS; step += step < 4 ? 1 : step) {
      const directory = freshDirectory();
      cpSync(template, directory, { recursive: true });
      said = await runDeleter(directory, verb, `${step}`);
      steps.push(said);
      const left = readTable(directory);
      expect(left.indexes).toEqual(indexes);
      const deleted = rows - left.rows;
      if (verb === 'cull') expect(deleted === 0 || deleted > 1000).toBe(true);
      else expect([first, all]).toContain(deleted);
      if (step === 0) expect(deleted).toBe(first);
      using cache = new Cache<string, string>(directory);
      expect(cache.size).toBe(left.rows);
      expect(findDanglingRows(directory)).toEqual([]);
      expect(cache.check({ repair: true }).filter(({ code }) => code !== 'orphan')).toEqual([]);
    }
    expect(steps.length).toBeGreaterThan(4);
    expect(steps[0]).toMatch(/^(DROP INDEX|CREATE TEMP)/);
  },
);
