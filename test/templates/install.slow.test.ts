/**
 * What npm says where the packed library is installed without flags, beside the Electron that the starters of electron-vite and Forge name.
 * Only versions are looked up, nothing is installed. `TEMPLATES=full` looks up all that the templates depend on, too.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { packLibrary, ROOT, runNpm } from '../../e2e/templates/packed-library.ts';

/** As `npm create @quick-start/electron` (1.0.30) and `create-electron-app` (7.11.2) write them; the oldest that deskcache runs on. */
const STARTERS = {
  'electron-vite': { electron: '^39.2.6' },
  'Electron Forge': { electron: '45.4.1' },
  'the oldest Electron': { electron: '^35.0.0' },
};
const TEMPLATES = process.env['TEMPLATES'] === 'full' ? ['electron-vite-react', 'forge-vite', 'esbuild-builder'] : [];

const REGISTRY_UNREACHABLE = /ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|ENETUNREACH|ENOTCACHED/;

const own = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

let folder: string;
let archive: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'deskcache-install-'));
  archive = await packLibrary(folder);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Looks up what an installation would install. Returns what npm says if it refuses. Skips the test if the registry is out of reach. */
async function install(application: string, context: TestContext): Promise<string | undefined> {
  const flags = ['--package-lock-only', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund'];
  try {
    await runNpm(['install', ...flags, archive], application);
    return undefined;
  } catch (error) {
    const { message } = error as Error;
    const reason = REGISTRY_UNREACHABLE.exec(message)?.[0];
    if (reason !== undefined) context.skip(`the registry of npm is out of reach (${reason})`);
    return message;
  }
}

/** The versions that npm has chosen, by name. */
function getVersions(application: string): Readonly<Record<string, string>> {
  const { packages } = JSON.parse(readFileSync(join(application, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, { readonly version: string }>>;
  };
  return Object.fromEntries(
    Object.entries(packages).map(([path, { version }]) => [path.replace(/^node_modules\//, ''), version]),
  );
}

function writeApplication(devDependencies: object): string {
  const application = mkdtempSync(join(folder, 'app-'));
  writeFileSync(join(application, 'package.json'), JSON.stringify({ name: 'app', private: true, devDependencies }));
  return application;
}

describe('npm install of the packed library, without flags,', () => {
  for (const [name, devDependencies] of Object.entries(STARTERS)) {
    it.concurrent(`is fine beside ${name}`, async (context) => {
      const application = writeApplication(devDependencies);
      expect(await install(application, context)).toBeUndefined();
      const versions = getVersions(application);
      expect(versions).toMatchObject({ deskcache: own.version, 'better-sqlite3': own.dependencies['better-sqlite3'] });
      expect(versions['electron']?.split('.')[0]).toBe(/\d+/.exec(devDependencies.electron)?.[0]);
    });
  }

  it.concurrent('fails with an Electron that is too old', async (context) => {
    expect(await install(writeApplication({ electron: '^34.0.0' }), context)).toContain('ERESOLVE');
  });

  for (const name of TEMPLATES) {
    it(`is fine in the template ${name}`, async (context) => {
      const application = join(folder, name);
      cpSync(join(ROOT, 'templates', name), application, { recursive: true });
      expect(await install(application, context)).toBeUndefined();
      expect(getVersions(application)).toHaveProperty('deskcache', own.version);
    });
  }
});
