import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

/** How the suite rates a test: `required` is a MUST of the RFC, `optimal` is what a good cache does, `check` only reports what this one does. */
export type TestKind = 'required' | 'optimal' | 'check';

export interface SuiteResult {
  readonly id: string;
  readonly kind: TestKind;
  /** The failure; undefined if the test has passed. */
  readonly fault: string | undefined;
  /** Whether the setup of the suite failed, which says nothing about the cache. */
  readonly isSetupFault: boolean;
}

interface SuiteTest {
  readonly id: string;
  readonly kind?: TestKind;
}

/**
 * Runs http-tests/cache-tests as for the cache of a browser: the package `http-cache-tests`, or a newer checkout at `CACHE_TESTS`. Its
 * origin runs in its own process; its client calls `fetch`.
 */
export async function runPublicSuite(fetch: typeof globalThis.fetch): Promise<SuiteResult[]> {
  const root =
    process.env['CACHE_TESTS'] ?? dirname(createRequire(import.meta.url).resolve('http-cache-tests/package.json'));
  const engine = existsSync(join(root, 'test-engine')) ? join(root, 'test-engine') : root;
  const { origin, port } = await startOrigin(engine);
  const own = globalThis.fetch;
  try {
    const { default: suites } = (await importModule(join(root, 'tests', 'index.mjs'))) as {
      default: readonly { readonly tests: readonly SuiteTest[] }[];
    };
    const runner = await importModule(join(engine, 'client', 'runner.mjs'));
    const { runTests, getResults } = runner as {
      runTests: (...args: unknown[]) => Promise<void>;
      getResults: () => Readonly<Record<string, true | readonly [string, string]>>;
    };
    const base = `http://localhost:${port}`;
    globalThis.fetch = fetch; // newer versions call the global one
    if (engine === root) await runTests(suites, fetch, true, base);
    else await runTests(suites, true, base);
    const kinds = new Map(suites.flatMap(({ tests }) => tests).map(({ id, kind }) => [id, kind ?? 'required']));
    return Object.entries(getResults()).map(([id, result]) => ({
      id,
      kind: kinds.get(id)!,
      fault: result === true ? undefined : result.join(': '),
      isSetupFault: result !== true && result[0] === 'Setup',
    }));
  } finally {
    globalThis.fetch = own;
    origin.kill();
  }
}

const importModule = (path: string): Promise<unknown> => import(pathToFileURL(path).href);

/** Uses any free port, which the server of the suite prints. */
async function startOrigin(engine: string): Promise<{ readonly origin: ChildProcess; readonly port: number }> {
  const server = join(engine, 'server', 'server.mjs');
  const origin = spawn(process.execPath, [server], {
    cwd: engine,
    env: {
      ...process.env,
      npm_config_protocol: 'http',
      npm_config_port: '0',
      npm_config_pidfile: join(tmpdir(), `deskcache-cache-tests-${process.pid}.pid`),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: origin.stdout! });
  const ended = once(origin, 'exit').then(([code]) => {
    throw new Error(`The suite's server, ${server}, ended with ${code}`);
  });
  const listening = (async () => {
    for await (const line of lines) {
      const port = /^Listening on .*:(\d+)\//.exec(line)?.[1];
      if (port !== undefined) return Number(port);
    }
    throw new Error("The suite's server did not say where it listens");
  })();
  const port = await Promise.race([listening, ended]);
  ended.catch(() => undefined);
  origin.stdout!.resume();
  return { origin, port };
}
