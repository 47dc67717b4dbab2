/** Copies of the templates with the packed library, built by their own tools. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT, runProgram, unpackLibrary } from './packed-library.ts';
import { type FileEdit, TEMPLATES, type TemplateName } from './templates.ts';

const results = join(ROOT, 'test-results');

/**
 * A folder in which templates find the library as npm packs it, and the tools of this repository: those are dependencies of its own,
 * in the versions that the templates name (test/templates/manifests.test.ts), so that nothing is downloaded here.
 */
export class TemplateWorkspace {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async open(): Promise<TemplateWorkspace> {
    mkdirSync(results, { recursive: true });
    const folder = mkdtempSync(join(results, 'workbench-'));
    await unpackLibrary(folder);
    return new TemplateWorkspace(folder);
  }

  /** Copies a template and edits the copy, as its author would. */
  copy(name: TemplateName, edits: readonly FileEdit[]): TemplateCopy {
    const folder = mkdtempSync(join(this.#folder, `${name}-`));
    cpSync(join(ROOT, 'templates', name), folder, { recursive: true });
    for (const edit of edits) applyEdit(edit, folder);
    return new TemplateCopy(folder, name);
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

class TemplateCopy {
  readonly #folder: string;
  readonly #name: TemplateName;

  constructor(folder: string, name: TemplateName) {
    this.#folder = folder;
    this.#name = name;
  }

  /** Rejects with what the compiler has printed. */
  async typeCheck(): Promise<void> {
    await this.#node(join(ROOT, 'node_modules/typescript/bin/tsc'));
  }

  /**
   * Builds with the template's own tool, and copies package.json and the bundle, nothing else, to a folder that has no `node_modules`
   * above it. Returns that folder; it is the caller's to remove.
   */
  async build(): Promise<string> {
    const { build, output } = TEMPLATES[this.#name];
    await this.#node(...build);
    const alone = mkdtempSync(join(tmpdir(), 'deskcache-template-'));
    cpSync(join(this.#folder, 'package.json'), join(alone, 'package.json'));
    cpSync(join(this.#folder, output), join(alone, output), { recursive: true });
    return alone;
  }

  async #node(...args: readonly string[]): Promise<void> {
    await runProgram(process.execPath, args, this.#folder);
  }
}

function applyEdit({ file, from, to }: FileEdit, folder: string): void {
  const path = join(folder, file);
  const parts = readFileSync(path, 'utf8').split(from);
  if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} times, instead of once: ${from}`);
  writeFileSync(path, parts.join(to));
}
