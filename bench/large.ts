/** What does it cost to read a value that lives in a file of its own? */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { draws } from './harness/data.ts';
import { OURS } from './harness/names.ts';
import type { Question } from './harness/question.ts';
import { runAlone } from './harness/run-alone.ts';
import { Stock } from './harness/stock.ts';
import { microsecondsEach } from './harness/timing.ts';
import { timeGets } from './harness/work.ts';
import { PYTHON } from './peer/python.ts';

const KIB = 100;
const READ_FILE = 'readFileSync';

export const question: Question = {
  name: 'large',
  asks: `What does it cost to read a value of ${KIB} KiB, against reading a plain file of that size?`,
  async *comparisons({ keys, operations }) {
    const files = keys / 200;
    using stock = new Stock(files, 'bytes', KIB * 1024);
    const cache = stock.cache();
    const python = await stock.python();
    const paths = plainFiles(stock);
    const plan = (round: number) => draws(operations / 10, files, round);

    function readFiles(round: number): number {
      const indices = plan(round);
      const read: Uint8Array[] = [];
      const figure = microsecondsEach(indices.length, () => {
        for (const index of indices) read[index] = readFileSync(paths[index]!);
      });
      for (const index of indices) stock.values.demand(index, read[index]);
      return figure;
    }

    yield {
      title: `get of ${KIB} KiB, ${files} items`,
      unit: 'µs',
      contenders: [
        { name: READ_FILE, round: readFiles },
        { name: OURS, round: (round) => timeGets(cache, stock.values, plan(round)) },
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
function plainFiles(stock: Stock): readonly string[] {
  const root = stock.scratch.directory();
  return Array.from({ length: stock.count }, (_, index) => {
    const path = join(root, (index % 16).toString(16), (index % 7).toString(16), `${index}.value`);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, stock.values.at(index));
    return path;
  });
}

if (import.meta.main) await runAlone(question);
