/** What does it cost to read a value that lives in a file of its own? */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Cache } from '../main/engine/index.ts';
import { draws, keyAt, shuffled } from './harness/data.ts';
import { OURS } from './harness/names.ts';
import type { Question } from './harness/question.ts';
import { runAlone } from './harness/run-alone.ts';
import { Stock, type Store } from './harness/stock.ts';
import { timeGets } from './harness/work.ts';
import { PYTHON } from './peer/python.ts';

const KIB = 100;
const READ_FILE = 'readFileSync';
const FIRST = `${OURS}, each read for the first time`;
/** Milliseconds. A file is verified at every read until it is older than two seconds: values are read at rest here. */
const REST = 2500;

export const question: Question = {
  name: 'large',
  asks: `What does it cost to read a value of ${KIB} KiB, against reading a plain file of that size?`,
  async *comparisons({ keys, operations }) {
    const count = keys / 200;
    using stock = new Stock(count, 'bytes', KIB * 1024);
    const cache = stock.cache();
    const python = await stock.python();
    const files = plainFiles(stock);
    const plan = (round: number) => draws(operations / 10, count, round);
    const timeFirstGets = (round: number) => {
      using unread = new Cache<string>(cache.directory);
      return timeGets(unread, stock.values, shuffled(0, count, round));
    };
    await setTimeout(REST);

    yield {
      title: `get of ${KIB} KiB, ${count} items`,
      unit: 'µs',
      contenders: [
        { name: READ_FILE, round: (round) => timeGets(files, stock.values, plan(round)) },
        { name: OURS, round: (round) => timeGets(cache, stock.values, plan(round)) },
        { name: FIRST, round: timeFirstGets },
        python.contender(PYTHON, (round) => python.ask('get', plan(round))),
      ],
      goals: [
        { subject: OURS, against: READ_FILE, atMost: 1.3 },
        { subject: OURS, against: PYTHON, timesFaster: 1 },
      ],
    };
  },
};

/** The same values as files, in folders that are as deep as the cache's. */
function plainFiles(stock: Stock): Pick<Store, 'get'> {
  const root = stock.scratch.directory();
  const paths = new Map<string, string>();
  for (let index = 0; index < stock.count; index++) {
    const path = join(root, (index % 16).toString(16), (index % 7).toString(16), `${index}.value`);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, stock.values.at(index));
    paths.set(keyAt(index), path);
  }
  return { get: (key) => readFileSync(paths.get(key)!) };
}

if (import.meta.main) await runAlone(question);
