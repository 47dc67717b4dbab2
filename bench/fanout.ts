/** What do eight processes achieve that write into one directory at the same time? */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Cache, FanoutCache } from '../main/engine/index.ts';
import type { Benchmark, Contender, SkippedContender } from './harness/benchmark.ts';
import {
  createValueBytes,
  drawIndices,
  type PlainValue,
  toKey,
  VALUE_BYTES,
  Values,
} from './harness/keys-and-values.ts';
import { runStandalone } from './harness/run-standalone.ts';
import { Scratch } from './harness/scratch.ts';
import { PythonPeer } from './peer/python.ts';
import type { WriteRequest, WriteResult } from './peer/writer-process.ts';

const WRITERS = 8;
/** All writers set the same items, over and over. */
const ITEMS = 10_000;

const FANOUT = 'deskcache, FanoutCache(8)';
const CACHE = 'deskcache, Cache';
const PYTHON = 'Python DiskCache, FanoutCache(8)';

/** A process that executes write commands. */
interface WriterProcess {
  write(order: WriteRequest): Promise<WriteResult>;
  end(): void;
}

function startNodeWriter(): WriterProcess {
  const child = fork(join(import.meta.dirname, 'peer', 'writer-process.ts'), { execArgv: [] });
  const { next, hear } = readAnswers(child);
  child.on('message', (tally) => hear(tally as WriteResult));
  return {
    write(order) {
      child.send(order);
      return next();
    },
    end: () => child.kill(),
  };
}

function startPythonWriter(values: string): WriterProcess {
  const script = join(import.meta.dirname, 'peer', 'diskcache_writer.py');
  const child = spawn('/usr/bin/python3', [script], { stdio: ['pipe', 'pipe', 'inherit'] });
  const { next, hear } = readAnswers(child);
  createInterface({ input: child.stdout }).on('line', (line) => hear(JSON.parse(line) as WriteResult));
  return {
    write(order) {
      child.stdin.write(`${JSON.stringify({ ...order, values, size: VALUE_BYTES })}\n`);
      return next();
    },
    end: () => child.kill(),
  };
}

/** One answer to each order; a process that ends before it has answered fails the bench. */
function readAnswers(child: ChildProcess): { next(): Promise<WriteResult>; hear(tally: WriteResult): void } {
  let hear: (tally: WriteResult) => void = () => {};
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
class WriterPool implements Disposable {
  readonly #writers: readonly WriterProcess[];
  readonly #kind: WriteRequest['kind'];
  readonly #directory: string;
  readonly #each: number;
  readonly rounds: { readonly each: number; readonly worst: number; readonly dropped: number }[] = [];

  constructor(kind: WriteRequest['kind'], directory: string, setsPerWriter: number, start: () => WriterProcess) {
    this.#kind = kind;
    this.#directory = directory;
    this.#each = setsPerWriter;
    this.#writers = Array.from({ length: WRITERS }, start);
  }

  /** All write at once; microseconds per set, all together. */
  async round(number: number): Promise<number> {
    const order = (indices: readonly number[]): WriteRequest => ({
      kind: this.#kind,
      directory: this.#directory,
      indices,
      shift: number + 1,
    });
    await this.#all(() => order([])); // everybody is there and has opened the store
    const tallies = await this.#all((nth) => order([...drawIndices(this.#each, ITEMS, number * WRITERS + nth)]));
    const setsPerWriter = (Math.max(...tallies.map(({ took }) => took)) * 1000) / (WRITERS * this.#each);
    const worst = Math.max(...tallies.map((tally) => tally.worst));
    const dropped = tallies.reduce((sum, tally) => sum + tally.dropped, 0) / (WRITERS * this.#each);
    this.rounds[number] = { each: setsPerWriter, worst, dropped: dropped * 100 };
    return setsPerWriter;
  }

  #all(order: (nth: number) => WriteRequest): Promise<WriteResult[]> {
    return Promise.all(this.#writers.map((writer, nth) => writer.write(order(nth))));
  }

  [Symbol.dispose](): void {
    for (const writer of this.#writers) writer.end();
  }
}

/** Checks that every item that was written is there, with a value of its own. */
function assertAll(
  store: Pick<Cache<string, PlainValue>, 'size' | 'get'>,
  values: Values,
  each: number,
  round: number,
): void {
  const drawn = new Set(
    Array.from({ length: WRITERS }, (_, nth) => [...drawIndices(each, ITEMS, round * WRITERS + nth)]).flat(),
  );
  for (const index of drawn) values.assertValue(index + round + 1, store.get(toKey(index)));
}

export const benchmark: Benchmark = {
  name: 'fanout',
  asks: 'What do eight processes achieve that write into one directory at the same time?',
  async *comparisons({ operations }) {
    const each = Math.ceil(operations / 4);
    const values = new Values('bytes', VALUE_BYTES);
    using scratch = new Scratch();
    const valuesPath = join(scratch.directory(), 'values');
    writeFileSync(valuesPath, createValueBytes(VALUE_BYTES));
    using python = await PythonPeer.open(scratch, values);
    using owned = new DisposableStack();
    const fanoutPath = scratch.directory();
    const cachePath = scratch.directory();
    const ours = owned.use(new WriterPool('fanout', fanoutPath, each, startNodeWriter));
    const single = owned.use(new WriterPool('cache', cachePath, each, startNodeWriter));
    const peerPath = scratch.directory();
    let peer: WriterPool | undefined;
    const peerCrew = () =>
      (peer ??= owned.use(new WriterPool('fanout', peerPath, each, () => startPythonWriter(valuesPath))));

    const contenders = (figure: 'each' | 'worst' | 'dropped'): (Contender | SkippedContender)[] => {
      const past = (crew: WriterPool) => (round: number) => crew.rounds[round]![figure];
      if (figure !== 'each') {
        return [
          { name: FANOUT, round: past(ours) },
          { name: CACHE, round: past(single) },
          python.createContender(PYTHON, (round) => past(peerCrew())(round)),
        ];
      }
      return [
        {
          name: FANOUT,
          async round(number) {
            const measured = await ours.round(number);
            using store = new FanoutCache<string, PlainValue>(fanoutPath);
            assertAll(store, values, each, number);
            return measured;
          },
        },
        {
          name: CACHE,
          async round(number) {
            const measured = await single.round(number);
            using store = new Cache<string, PlainValue>(cachePath);
            assertAll(store, values, each, number);
            return measured;
          },
        },
        python.createContender(PYTHON, (round) => peerCrew().round(round)),
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

if (import.meta.main) await runStandalone(benchmark);
