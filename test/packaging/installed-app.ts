import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..', '..');
const DEPENDENCIES = ['better-sqlite3', 'comlink', 'http-cache-semantics', 'mrmime'];

/** The sources of an application that has the packed library installed. */
export interface InstalledApp {
  readonly folder: string;
  /** Writes files of the application, by their paths in it. */
  write(files: Readonly<Record<string, string>>): void;
  /** Moves a folder of it to where no `node_modules` is near, and returns its new place. */
  ship(output: string): string;
  remove(): void;
}

/** Packs the library as it would be published, from `dist` as it was built, and installs it. */
export function installApp(): InstalledApp {
  const base = mkdtempSync(join(tmpdir(), 'deskcache-packaging-'));
  const folder = join(base, 'app');
  const modules = join(folder, 'node_modules');
  mkdirSync(modules, { recursive: true });
  const packed = execFileSync('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', base], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  execFileSync('tar', ['-xzf', join(base, packed.trim()), '-C', modules]);
  renameSync(join(modules, 'package'), join(modules, 'deskcache'));
  for (const name of DEPENDENCIES) symlinkSync(join(ROOT, 'node_modules', name), join(modules, name), 'junction');
  let shipped = 0;
  return {
    folder,
    write(files) {
      for (const [path, text] of Object.entries(files)) {
        mkdirSync(join(folder, path, '..'), { recursive: true });
        writeFileSync(join(folder, path), text);
      }
    },
    ship(output) {
      const place = join(base, `shipped-${shipped++}`);
      cpSync(join(folder, output), place, { recursive: true });
      return place;
    },
    remove: () => rmSync(base, { recursive: true, force: true, maxRetries: 3 }),
  };
}
