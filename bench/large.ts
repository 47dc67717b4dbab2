/** What does it cost to read a value that lives in a file of its own? */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Cache } from '../main/engine/index.ts';
import type { Benchmark } from './harness/benchmark.ts';
import { OURS } from './harness/benchmark.ts';
import { Fixtures, type Store } from './harness/fixtures.ts';
import { drawIndices, shuffleIndices, toKey } from './harness/keys-and-values.ts';
import { runStandalone } from './harness/run-standalone.ts';
import { timeGets } from './harness/workload.ts';
import { PYTHON_NAME } from './peer/python.ts';

const VALUE_KIB = 100;
const READ_FILE = 'readFileSync';
const FIRST_READ = `${OURS}, each read for the first time`;
/** Milliseconds. A file is verified at every read until it is older than two seconds: values are read at rest here. */
const FILE_AGE_MS = 2500;

export const benchmark: Benchmark = {
  name: 'large',
  asks: `What does it cost to read a value of ${VALUE_KIB} KiB, against reading a plain file of that size?`,
  async *comparisons({ keys, operations }) {
    const count = keys / 200;
    using fixtures = new Fixtures(count, 'bytes', VALUE_KIB * 1024);
    const cache = fixtures.cache();
    const python = await fixtures.python();
    const files = writePlainFiles(fixtures);
    const plan = (round: number) => drawIndices(operations / 10, count, round);
    const timeFirstGets = (round: number) => {
      using unread = new Cache<string>(cache.directory);
      return timeGets(unread, fixtures.values, shuffleIndices(0, count, round));
    };
    await setTimeout(FILE_AGE_MS);

    yield {
      title: `get of ${VALUE_KIB} KiB, ${count} items`,
      unit: 'µs',
      contenders: [
        { name: READ_FILE, round: (round) => timeGets(files, fixtures.values, plan(round)) },
        { name: OURS, round: (round) => timeGets(cache, fixtures.values, plan(round)) },
        { name: FIRST_READ, round: timeFirstGets },
        python.createContender(PYTHON_NAME, (round) => python.ask('get', plan(round))),
      ],
      goals: [
        { subject: OURS, against: READ_FILE, atMost: 1.3 },
        { subject: OURS, against: PYTHON_NAME, timesFaster: 1 },
      ],
    };
  },
};

/** The same values as files, in folders that are as deep as the cache's. */
function writePlainFiles(stock: Fixtures): Pick<Store, 'get'> {
  const root = stock.scratch.directory();
  const paths = new Map<string, string>();
  for (let index = 0; index < stock.count; index++) {
    const path = join(root, (index % 16).toString(16), (index % 7).toString(16), `${index}.value`);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, stock.values.at(index));
    paths.set(toKey(index), path);
  }
  return { get: (key) => readFileSync(paths.get(key)!) };
}

if (import.meta.main) await runStandalone(benchmark);
