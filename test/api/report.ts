import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CompilerState, Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor';

const root = join(import.meta.dirname, '../..');

/** Where the reports are kept. A change of a public declaration shows up there as a diff. */
export const REPORT_DIRECTORY = join(root, 'etc/api');

/** The entry points of package.json whose declarations make up the public API, by the name of their report. */
const ENTRY_POINTS = {
  'adapters/apollo': 'main/adapters/apollo',
  'adapters/cache-manager': 'main/adapters/cache-manager',
  'adapters/jotai': 'main/adapters/jotai',
  'adapters/keyv': 'main/adapters/keyv',
  'adapters/redux-persist': 'main/adapters/redux-persist',
  'adapters/tanstack-query': 'main/adapters/tanstack-query',
  'adapters/unstorage': 'main/adapters/unstorage',
  'adapters/zustand': 'main/adapters/zustand',
  archive: 'main/archive/index',
  deskcache: 'protocol/index',
  engine: 'main/engine/index',
  esbuild: 'main/bundling/esbuild',
  import: 'main/import/index',
  main: 'main/index',
  offline: 'main/offline/index',
  preload: 'preload/index',
  queue: 'main/queue/index',
  react: 'renderer-api/react/index',
  renderer: 'renderer-api/index',
  svelte: 'renderer-api/svelte/index',
  testing: 'main/testing/index',
  vite: 'main/bundling/vite',
  vue: 'renderer-api/vue/index',
  webpack: 'main/bundling/webpack',
} as const;

export type EntryPoint = keyof typeof ENTRY_POINTS;
export const ENTRY_POINT_NAMES = Object.keys(ENTRY_POINTS) as EntryPoint[];

const COMPILER_OPTIONS = {
  module: 'nodenext',
  moduleResolution: 'nodenext',
  target: 'es2022',
  lib: ['es2023', 'dom', 'dom.iterable', 'esnext.disposable'],
  types: ['node'],
  skipLibCheck: true,
};

const NOT_REPORTED = { default: { logLevel: ExtractorLogLevel.None } };

/** The name of an entry point's report in `REPORT_DIRECTORY`. */
export const getReportName = (name: EntryPoint): string => `${name.replace('/', '-')}.api.md`;

/** Reads the declarations that `tsc -b` has written to dist/types. */
function createConfig(name: EntryPoint, directory: string): ExtractorConfig {
  return ExtractorConfig.prepare({
    configObject: {
      projectFolder: root,
      mainEntryPointFilePath: join(root, 'dist/types', `${ENTRY_POINTS[name]}.d.ts`),
      newlineKind: 'lf',
      compiler: {
        overrideTsconfig: { compilerOptions: COMPILER_OPTIONS, files: [`dist/types/${ENTRY_POINTS[name]}.d.ts`] },
      },
      apiReport: {
        enabled: true,
        reportFileName: getReportName(name),
        reportFolder: directory,
        reportTempFolder: join(directory, 'temp'),
      },
      messages: {
        compilerMessageReporting: NOT_REPORTED,
        extractorMessageReporting: NOT_REPORTED,
        tsdocMessageReporting: NOT_REPORTED,
      },
    },
    configObjectFullPath: undefined,
    packageJsonFullPath: join(root, 'package.json'),
  });
}

/** Returns the text of each report, as the declarations are now. Reads all of them with one compiler. */
export function createReports(): Record<EntryPoint, string> {
  const directory = mkdtempSync(join(tmpdir(), 'deskcache-api-'));
  try {
    const configs = ENTRY_POINT_NAMES.map((name) => [name, createConfig(name, directory)] as const);
    const [[, first], ...others] = configs as [(typeof configs)[number], ...typeof configs];
    const compilerState = CompilerState.create(first, {
      additionalEntryPoints: others.map(([, config]) => config.mainEntryPointFilePath),
    });
    const reports = configs.map(([name, config]) => {
      const { errorCount } = Extractor.invoke(config, { compilerState, localBuild: true, messageCallback: silence });
      if (errorCount > 0) throw new Error(`API Extractor could not read the declarations of ${name}; run: npx tsc -b`);
      return [name, readFileSync(config.reportFilePath, 'utf8')] as const;
    });
    return Object.fromEntries(reports) as Record<EntryPoint, string>;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** "The report was created" is not worth a line; errors are counted. */
function silence(message: { logLevel: string; handled: boolean }): void {
  if (message.logLevel !== ExtractorLogLevel.Error) message.handled = true;
}
