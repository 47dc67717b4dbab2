import { spawnSync } from 'node:child_process';
import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, loadavg, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { BENCHMARKS } from '../benchmarks.ts';
import { PYTHON_VERSIONS_COMMAND } from '../peer/python.ts';
import type { BenchmarkReport } from './measure.ts';

/** Where results are kept, a file for each day. The newest is what docs/bench.md shows. */
const RESULTS_DIRECTORY = join(import.meta.dirname, '../results');

/** What the numbers depend on. */
export interface Environment {
  readonly processor: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly system: string;
  readonly node: string;
  readonly sqlite: string;
  readonly python: string;
}

/** A report with the time and the circumstances of its measurement. */
export interface SavedReport extends BenchmarkReport {
  /** ISO 8601, UTC; without a time where that is not known. */
  readonly measuredAt: string;
  /** Load average of the last minute, at the end; undefined where it is not known. */
  readonly load?: number;
  /** Operations of a usual round; undefined where it is not known. */
  readonly operations?: number;
  readonly environment: Environment;
}

export interface SavedResults {
  /** YYYY-MM-DD, the name of its file. */
  readonly date: string;
  /** In the order of `BENCHMARKS`. */
  readonly reports: readonly SavedReport[];
}

/** Significant digits that are kept. */
const SAVED_DIGITS = 5;
/** JSON has no infinity: a ratio to nothing. */
const INFINITE = 'Infinity';

/** Returns results as the text of their file. */
export const formatResults = (results: SavedResults): string =>
  `${JSON.stringify(
    results,
    (name, value: unknown) => {
      if (typeof value !== 'number' || name === 'memoryBytes') return value;
      return value === Number.POSITIVE_INFINITY ? INFINITE : Number(value.toPrecision(SAVED_DIGITS));
    },
    2,
  )}\n`;

export const parseResults = (text: string): SavedResults =>
  JSON.parse(text, (_name, value: unknown) => (value === INFINITE ? Number.POSITIVE_INFINITY : value)) as SavedResults;

/** Returns the newest results; undefined if there are none. */
export function readNewestResults(directory = RESULTS_DIRECTORY): SavedResults | undefined {
  const newest = globSync('????-??-??.json', { cwd: directory }).sort().at(-1);
  return newest === undefined ? undefined : parseResults(readFileSync(join(directory, newest), 'utf8'));
}

export const markMeasured = (report: BenchmarkReport, environment: Environment): SavedReport => ({
  ...report,
  measuredAt: new Date().toISOString(),
  load: loadavg()[0]!,
  environment,
});

/**
 * Writes reports to the file of a day, and returns its path. Benchmarks that were not run keep what the newest results have of them, with
 * the time and the environment of that measurement.
 */
export function saveResults(
  reports: readonly SavedReport[],
  directory = RESULTS_DIRECTORY,
  date = new Date().toISOString().slice(0, 10),
): string {
  const byName = new Map(readNewestResults(directory)?.reports.map((report) => [report.name, report]));
  for (const report of reports) byName.set(report.name, report);
  const inOrder = BENCHMARKS.flatMap((name) => byName.get(name) ?? []);
  mkdirSync(directory, { recursive: true });
  const path = join(directory, `${date}.json`);
  writeFileSync(path, formatResults({ date, reports: inOrder }));
  return path;
}

export function describeEnvironment(): Environment {
  const [processor] = cpus();
  const { version } = createRequire(import.meta.url)('better-sqlite3/package.json') as { readonly version: string };
  const [interpreter, ...args] = PYTHON_VERSIONS_COMMAND;
  const python = spawnSync(interpreter, args, { encoding: 'utf8' });
  return {
    processor: processor?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryBytes: totalmem(),
    system: `${type()} ${release()}`,
    node: process.versions.node,
    sqlite: `better-sqlite3 ${version}`,
    python: python.status === 0 ? python.stdout.trim() : 'not installed',
  };
}
