import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ROOT, unpackLibrary } from '../../e2e/templates/packed-library.ts';

/** The packages that the library depends on. */
export const DEPENDENCIES: readonly string[] = Object.keys(
  JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).dependencies,
);

/** The sources of an application that has the packed library installed. */
export interface InstalledApp {
  readonly folder: string;
  /** Writes files of the application, by their paths in it. */
  write(files: Readonly<Record<string, string>>): void;
  /** Copies a folder of it to where no `node_modules` is near. Returns its new place. */
  ship(output: string): string;
  remove(): void;
}

/** Packs the library as it would be published, from `dist` as it was built, and installs it, beside `packages` of this repository. */
export async function installApp(packages: readonly string[] = []): Promise<InstalledApp> {
  const base = mkdtempSync(join(tmpdir(), 'deskcache-packaging-'));
  const folder = join(base, 'app');
  mkdirSync(folder);
  await unpackLibrary(folder);
  for (const name of [...DEPENDENCIES, ...packages]) {
    const link = join(folder, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules', name), link, 'junction');
  }
  const write: InstalledApp['write'] = (files) => {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(join(folder, path, '..'), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
  };
  write({ 'main.js': readFileSync(join(import.meta.dirname, 'main-process.js'), 'utf8') });
  let shipped = 0;
  return {
    folder,
    write,
    ship(output) {
      const place = join(base, `shipped-${shipped++}`);
      cpSync(join(folder, output), place, { recursive: true });
      return place;
    },
    remove: () => rmSync(base, { recursive: true, force: true, maxRetries: 3 }),
  };
}
