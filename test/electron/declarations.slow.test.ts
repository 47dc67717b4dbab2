import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fetchDeclarations, RELEASES } from './declarations.ts';

const root = join(import.meta.dirname, '../..');

/**
 * What names Electron, by the `tsconfig.json` with which it is built: `main` brings all of `main/electron`. The rooms below come as
 * `tsc -b` has declared them.
 */
const PROJECTS = ['main', 'preload'];

/** An own folder beside the dependencies, so that those are found. */
let directory: string;
beforeAll(() => {
  const cache = join(root, 'node_modules/.cache');
  mkdirSync(cache, { recursive: true });
  directory = mkdtempSync(join(cache, 'declarations-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

interface Project {
  readonly compilerOptions: Readonly<Record<string, unknown>>;
  readonly include: readonly string[];
  readonly references: readonly { readonly path: string }[];
}

/** What the compiler says of a project, when it takes `electron` from these declarations. */
async function compile(project: string, declarations: string): Promise<string> {
  const from = join(root, project);
  const { compilerOptions, include, references } = JSON.parse(
    readFileSync(join(from, 'tsconfig.json'), 'utf8'),
  ) as Project;
  const path = join(directory, `${project.replaceAll('/', '-')}-${dirname(declarations).split(/[\\/]/).at(-1)}.json`);
  const isOfElectron = (reference: string) => reference.endsWith('/electron');
  const config = {
    extends: join(root, 'tsconfig.base.json'),
    compilerOptions: {
      ...compilerOptions,
      rootDir: root,
      composite: false,
      incremental: false,
      declaration: false,
      emitDeclarationOnly: false,
      noEmit: true,
      rewriteRelativeImportExtensions: false,
      tsBuildInfoFile: null,
      typeRoots: [join(root, 'node_modules/@types')],
      paths: { electron: [declarations] },
    },
    include: include.map((pattern) => join(from, pattern)),
    // Files that name Electron are compiled from their sources, not from their declarations.
    references: references.map((it) => ({ path: join(from, it.path) })).filter((it) => !isOfElectron(it.path)),
  };
  writeFileSync(path, JSON.stringify(config));
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const { stdout } = await promisify(execFile)(process.execPath, [tsc, '-p', path], { cwd: root }).catch(
    (error: { readonly stdout: string }) => error,
  );
  return stdout;
}

describe.each(RELEASES)('the declarations of Electron $version', (release) => {
  it('have every name that main process and preload script use', async ({ skip }) => {
    const declarations = await fetchDeclarations(release).catch((error: unknown) => {
      // A machine of the workflow that can't look has proven nothing.
      if (process.env['CI']) throw error;
      return skip(`electron@${release.version} is not cached, and the registry is out of reach`);
    });
    expect(readFileSync(declarations, 'utf8').slice(0, 100)).toContain(`Electron ${release.version}`);
    const complaints = await Promise.all(PROJECTS.map((project) => compile(project, declarations)));
    expect(complaints).toEqual(PROJECTS.map(() => ''));
  });
});
