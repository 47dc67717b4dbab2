/** The workflow, as far as it can be checked without the machines it is for. */
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';

interface Step {
  readonly run?: string;
  readonly uses?: string;
  readonly shell?: string;
  readonly with?: Readonly<Record<string, string>>;
}

interface Job {
  readonly strategy: { readonly matrix: { readonly os: readonly string[]; readonly template?: readonly string[] } };
  readonly 'timeout-minutes': number;
  readonly steps: readonly Step[];
}

const root = join(import.meta.dirname, '..', '..');
const read = <T>(path: string): T => parse(readFileSync(join(root, path), 'utf8')) as T;
const workflow = read<{ jobs: Readonly<Record<string, Job>>; env: Readonly<Record<string, unknown>> }>(
  '.github/workflows/ci.yml',
);
const prepare = read<{ runs: { steps: readonly Step[] } }>('.github/actions/prepare/action.yml');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  readonly scripts: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
};

const jobs = Object.entries(workflow.jobs);
const steps = [...jobs.flatMap(([, job]) => job.steps), ...prepare.runs.steps];
const scripts = globSync('.ci/*', { cwd: root });
/** Every shell script there is: those in the workflow, and the files. */
const texts: readonly string[] = [
  ...steps.flatMap(({ run }) => (run === undefined ? [] : [run])),
  ...scripts.map((path) => readFileSync(join(root, path), 'utf8')),
];

/** The first line that does something. */
const getName = (text: string): string => text.split('\n').find((line) => line !== '' && !line.startsWith('#')) ?? '';

describe('every job', () => {
  it.each(jobs)('%s runs on three systems and ends within an hour', (_name, job) => {
    expect(job.strategy.matrix.os.map((os) => os.split('-')[0])).toEqual(['ubuntu', 'macos', 'windows']);
    expect(job['timeout-minutes']).toBeLessThanOrEqual(60);
  });

  it('fails without Electron', () => {
    expect(workflow.env['REQUIRE_ELECTRON']).toBe(1);
  });

  it.each(jobs)('%s gets its runtime before it runs anything', (_name, { steps: [checkout, prepared, ...rest] }) => {
    expect([checkout?.uses, prepared?.uses]).toEqual(['actions/checkout@v5', './.github/actions/prepare']);
    expect(rest.some(({ run }) => run !== undefined)).toBe(true);
  });
});

/** On Windows `bash` may be that of a Linux beside it, which sees other paths. */
const hasBash = process.platform !== 'win32';

describe('the shell scripts', () => {
  it('are bash, on Windows too', () => {
    for (const step of prepare.runs.steps) if (step.run !== undefined) expect(step.shell).toBe('bash');
    for (const path of scripts) expect(readFileSync(join(root, path), 'utf8')).toMatch(/^#!\/usr\/bin\/env bash\n/);
  });

  it.skipIf(!hasBash).each(texts.map((text) => [getName(text), text]))('%s: parses', (_name, text) => {
    // Expressions in ${{ … }} are expanded before bash runs.
    const { status, stderr } = spawnSync('bash', ['-n'], {
      input: text.replaceAll(/\$\{\{.*?\}\}/g, 'x'),
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([0, '']);
  });

  it('call only existing files and scripts', () => {
    const all = texts.join('\n');
    const files = [...all.matchAll(/(?:node|^|\s)\s*((?:\.ci|e2e)\/[\w./-]+)/gm)].map(([, path]) => path!);
    expect(files.filter((path) => !existsSync(join(root, path)))).toEqual([]);
    expect(files).toEqual(
      expect.arrayContaining(['e2e/experiments/run.ts', 'e2e/smoke/packaged-app.ts', '.ci/with-display']),
    );
    const names = [...all.matchAll(/npm run (?:--silent )?([\w:]+)/g)].map(([, name]) => name!);
    // These two are a template's.
    const own = names.filter((name) => !['typecheck', 'package'].includes(name));
    expect(own.filter((name) => !Object.hasOwn(manifest.scripts, name))).toEqual([]);
  });
});

describe('the matrix', () => {
  it('includes the oldest supported Electron', () => {
    const version = workflow.jobs['oldest-electron']?.steps[1]?.with?.['electron'];
    const floor = /^>=(\d+)/.exec(manifest.peerDependencies['electron']!)?.[1];
    expect(Number.parseInt(version!, 10)).toBeLessThanOrEqual(Number(floor));
  });

  it('has every template', () => {
    const folders = globSync('templates/*/package.json', { cwd: root }).map((path) => basename(dirname(path)));
    expect(workflow.jobs['template']?.strategy.matrix.template?.toSorted()).toEqual(folders.sort());
  });
});

describe.runIf(hasBash)('the download of Electron', () => {
  let folder: string | undefined;
  afterEach(() => folder && rmSync(folder, { recursive: true, force: true }));

  /** Runs `.ci/install-electron` with an installer that fails `findFailures` times. */
  function install(failures: number) {
    folder = mkdtempSync(join(tmpdir(), 'deskcache-ci-'));
    mkdirSync(join(folder, 'node_modules', 'electron'), { recursive: true });
    cpSync(join(root, '.ci'), join(folder, '.ci'), { recursive: true });
    const log = join(folder, 'log');
    const script = `const { appendFileSync, statSync } = require('node:fs');
      appendFileSync(${JSON.stringify(log)}, '.');
      process.exit(statSync(${JSON.stringify(log)}).size > ${failures} ? 0 : 1);`;
    writeFileSync(join(folder, 'node_modules', 'electron', 'install.js'), script);
    const { status, stderr } = spawnSync('bash', ['.ci/install-electron'], {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, ELECTRON_RETRY_SECONDS: '0' },
    });
    return { status, stderr, attempts: readFileSync(log, 'utf8').length };
  }

  it('is retried when the network fails', () => {
    expect(install(2)).toMatchObject({ status: 0, attempts: 3 });
  });

  it('of another version is stored next to the installed one, and its path is printed', () => {
    folder = mkdtempSync(join(tmpdir(), 'deskcache-ci-'));
    cpSync(join(root, '.ci'), join(folder, '.ci'), { recursive: true });
    mkdirSync(join(folder, 'bin'));
    // Instead of npm: `npm install --prefix <folder> …` brings a package whose installer has nothing to do.
    const npm = '#!/bin/sh\nmkdir -p "$3/node_modules/electron" && : > "$3/node_modules/electron/install.js"\n';
    writeFileSync(join(folder, 'bin', 'npm'), npm, { mode: 0o755 });
    const env = {
      ...process.env,
      PATH: `${join(folder, 'bin')}:${process.env['PATH']}`,
      GITHUB_ENV: join(folder, 'env'),
    };
    const { status } = spawnSync('bash', ['.ci/install-electron', '35.7.5'], { cwd: folder, env });
    const dist = join(folder, 'node_modules/.cache/electron-35.7.5/node_modules/electron/dist');
    expect([status, readFileSync(env.GITHUB_ENV, 'utf8')]).toEqual([
      0,
      `ELECTRON_OVERRIDE_DIST_PATH=${realpathSync(folder)}${dist.slice(folder.length)}\n`,
    ]);
  });

  it('fails the job when it fails each time', () => {
    expect(install(99)).toMatchObject({
      status: 1,
      attempts: 4,
      stderr: expect.stringContaining('could not be downloaded'),
    });
  });
});
