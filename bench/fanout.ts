/** What do eight processes achieve that write into one directory at the same time? */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Cache, FanoutCache } from '../main/engine/index.ts';
import { draws, keyAt, type Plain, VALUE_BYTES, Values, valueBytes } from './harness/data.ts';
import type { Absentee, Contender, Question } from './harness/question.ts';
import { runAlone } from './harness/run-alone.ts';
import { Scratch } from './harness/scratch.ts';
import { Python } from './peer/python.ts';
import type { Order, Tally } from './peer/writer.ts';

const WRITERS = 8;
/** All writers set the same items, over and over. */
const ITEMS = 10_000;

const FANOUT = 'deskcache, FanoutCache(8)';
const CACHE = 'deskcache, Cache';
const PYTHON = 'Python DiskCache, FanoutCache(8)';

/** A process that writes what it is told. */
interface Writer {
  write(order: Order): Promise<Tally>;
  end(): void;
}

function nodeWriter(): Writer {
  const child = fork(join(import.meta.dirname, 'peer', 'writer.ts'), { execArgv: [] });
  const { next, hear } = answers(child);
  child.on('message', (tally) => hear(tally as Tally));
  return {
    write(order) {
      child.send(order);
      return next();
    },
    end: () => child.kill(),
  };
}

function pythonWriter(values: string): Writer {
  const script = join(import.meta.dirname, 'peer', 'diskcache_writer.py');
  const child = spawn('/usr/bin/python3', [script], { stdio: ['pipe', 'pipe', 'inherit'] });
  const { next, hear } = answers(child);
  createInterface({ input: child.stdout }).on('line', (line) => hear(JSON.parse(line) as Tally));
  return {
    write(order) {
      child.stdin.write(`${JSON.stringify({ ...order, values, size: VALUE_BYTES })}\n`);
      return next();
    },
    end: () => child.kill(),
  };
}

/** One answer to each order; a process that ends before it has answered fails the bench. */
function answers(child: ChildProcess): { next(): Promise<Tally>; hear(tally: Tally): void } {
  let hear: (tally: Tally) => void = () => {};
  let fail: (error: Error) => void = () => {};
  child.on('exit', (code) => fail(new Error(`A writer ended with ${code} in the middle of its work`)));
  return {
    next: () =>
      new Promise((resolve, reject) => {
        hear = resolve;
        fail = reject;
      }),
    hear: (tally) => hear(tally),
  };
}

/** Several writers at one store, and what was counted of each round. */
class Crew implements Disposable {
  readonly #writers: readonly Writer[];
  readonly #kind: Order['kind'];
  readonly #directory: string;
  readonly #each: number;
  readonly rounds: { readonly each: number; readonly worst: number; readonly dropped: number }[] = [];

  constructor(kind: Order['kind'], directory: string, each: number, start: () => Writer) {
    this.#kind = kind;
    this.#directory = directory;
    this.#each = each;
    this.#writers = Array.from({ length: WRITERS }, start);
  }

  /** All write at once; microseconds per set, all together. */
  async round(number: number): Promise<number> {
    const order = (indices: readonly number[]): Order => ({
      kind: this.#kind,
      directory: this.#directory,
      indices,
      shift: number + 1,
    });
    await this.#all(() => order([])); // everybody is there and has opened the store
    const tallies = await this.#all((nth) => order([...draws(this.#each, ITEMS, number * WRITERS + nth)]));
    const each = (Math.max(...tallies.map(({ took }) => took)) * 1000) / (WRITERS * this.#each);
    const worst = Math.max(...tallies.map((tally) => tally.worst));
    const dropped = tallies.reduce((sum, tally) => sum + tally.dropped, 0) / (WRITERS * this.#each);
    this.rounds[number] = { each, worst, dropped: dropped * 100 };
    return each;
  }

  #all(order: (nth: number) => Order): Promise<Tally[]> {
    return Promise.all(this.#writers.map((writer, nth) => writer.write(order(nth))));
  }

  [Symbol.dispose](): void {
    for (const writer of this.#writers) writer.end();
  }
}

/** Every item that was drawn is there, with a value of its own. */
function demandAll(
  store: Pick<Cache<string, Plain>, 'size' | 'get'>,
  values: Values,
  each: number,
  round: number,
): void {
  const drawn = new Set(
    Array.from({ length: WRITERS }, (_, nth) => [...draws(each, ITEMS, round * WRITERS + nth)]).flat(),
  );
  for (const index of drawn) values.demand(index + round + 1, store.get(keyAt(index)));
}

export const question: Question = {
  name: 'fanout',
  asks: 'What do eight processes achieve that write into one directory at the same time?',
  async *comparisons({ operations }) {
    const each = Math.ceil(operations / 4);
    const values = new Values('bytes', VALUE_BYTES);
    using scratch = new Scratch();
    const valuesPath = join(scratch.directory(), 'values');
    writeFileSync(valuesPath, valueBytes(VALUE_BYTES));
    using python = await Python.open(scratch, values);
    using owned = new DisposableStack();
    const fanoutPath = scratch.directory();
    const cachePath = scratch.directory();
    const ours = owned.use(new Crew('fanout', fanoutPath, each, nodeWriter));
    const single = owned.use(new Crew('cache', cachePath, each, nodeWriter));
    const peerPath = scratch.directory();
    let peer: Crew | undefined;
    const peerCrew = () => (peer ??= owned.use(new Crew('fanout', peerPath, each, () => pythonWriter(valuesPath))));

    const contenders = (figure: 'each' | 'worst' | 'dropped'): (Contender | Absentee)[] => {
      const past = (crew: Crew) => (round: number) => crew.rounds[round]![figure];
      if (figure !== 'each') {
        return [
          { name: FANOUT, round: past(ours) },
          { name: CACHE, round: past(single) },
          python.contender(PYTHON, (round) => past(peerCrew())(round)),
        ];
      }
      return [
        {
          name: FANOUT,
          async round(number) {
            const measured = await ours.round(number);
            using store = new FanoutCache<string, Plain>(fanoutPath);
            demandAll(store, values, each, number);
            return measured;
          },
        },
        {
          name: CACHE,
          async round(number) {
            const measured = await single.round(number);
            using store = new Cache<string, Plain>(cachePath);
            demandAll(store, values, each, number);
            return measured;
          },
        },
        python.contender(PYTHON, (round) => peerCrew().round(round)),
      ];
    };
    const title = `${WRITERS} processes, ${each} sets each over ${ITEMS} items`;
    yield {
      title: `${title}: per set, all together`,
      unit: 'µs',
      contenders: contenders('each'),
      goals: [{ subject: FANOUT, against: PYTHON, timesFaster: 2.5 }],
    };
    yield {
      title: `${title}: the set that took longest (to be at most 100 ms)`,
      unit: 'ms',
      contenders: contenders('worst'),
      goals: [],
    };
    yield {
      title: `${title}: sets that were dropped`,
      unit: '% dropped',
      contenders: contenders('dropped'),
      goals: [],
    };
  },
};

if (import.meta.main) await runAlone(question);
