/**
 * Deletes most items of a cache at once, with a verb, and kills itself before a statement of that transaction:
 * `mass-deleter.ts <directory> <verb> <nth statement, from 0>`. Says which one, or `done` if there were fewer.
 */
import { writeSync } from 'node:fs';
import { Cache } from '../../main/engine/index.ts';
import { Connection, Statement } from '../../main/engine/sqlite/connection.ts';

const [, , directory = '', verb = '', step = ''] = process.argv;
const cache = new Cache<string, string>(directory, { durability: 'process', exclusive: true });

/** Statements since the first one that only a deletion at once has. */
let statements: number | undefined;

function countStatement(text: string): void {
  if (statements === undefined && /^(DROP INDEX|CREATE TEMP)/.test(text)) statements = 0;
  if (statements === undefined || statements++ !== Number(step)) return;
  writeSync(1, `${text}\n`);
  process.kill(process.pid, 'SIGKILL');
}

const { execute } = Connection.prototype;
Connection.prototype.execute = function (this: Connection, text) {
  // What is changed is written to the log early, as in a store that is larger than the cache of pages.
  if (statements === undefined) this.pragma('cache_size = 16');
  countStatement(text);
  return execute.call(this, text);
};
const { run } = Statement.prototype;
Statement.prototype.run = function (this: Statement, ...bind) {
  countStatement('a prepared statement');
  return run.apply(this, bind);
};

const verbs: Readonly<Record<string, () => number>> = {
  evict: () => cache.evict('a'),
  deletePrefix: () => cache.deletePrefix('a'),
  cull: () => cache.cull(),
};
verbs[verb]!();
writeSync(1, 'done\n');
process.kill(process.pid, 'SIGKILL');
