/**
 * Imports an export into a store, and kills itself before a statement: `importer.ts <kind> <directory> <file> <nth statement, from 0>`. Says
 * `done` if there were fewer.
 */
import { readFileSync, writeSync } from 'node:fs';
import { Cache, Deque, Index } from '../../main/engine/index.ts';
import { Connection, Statement } from '../../main/engine/sqlite/connection.ts';

const [, , kind = '', directory = '', file = '', step = ''] = process.argv;
const openings: Readonly<Record<string, () => Cache | Deque | Index>> = {
  cache: () => new Cache(directory, { fileThreshold: 1000 }),
  exclusive: () => new Cache(directory, { exclusive: true, fileThreshold: 1000 }),
  index: () => new Index(directory, { durability: 'process' }),
  deque: () => new Deque(directory, { durability: 'process' }),
};
const store = openings[kind]!();
let left = Number(step);
function countStatement(): void {
  if (left-- === 0) process.kill(process.pid, 'SIGKILL');
}

const { execute } = Connection.prototype;
Connection.prototype.execute = function (this: Connection, text) {
  countStatement();
  return execute.call(this, text);
};
const { run } = Statement.prototype;
Statement.prototype.run = function (this: Statement, ...bind) {
  countStatement();
  return run.apply(this, bind);
};

await store.import(readFileSync(file, 'utf8').trimEnd().split('\n'));
writeSync(1, 'done\n');
process.kill(process.pid, 'SIGKILL');
