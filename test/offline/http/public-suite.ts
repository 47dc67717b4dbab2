import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

/** How the suite sees a result: `required` is the RFC's MUST, `optimal` what a good cache does, `check` asks what this one does. */
export type TestKind = 'required' | 'optimal' | 'check';

export interface SuiteResult {
  readonly id: string;
  readonly kind: TestKind;
  /** What went wrong; undefined when the test passed. */
  readonly fault: string | undefined;
  /** The suite's own setting-up went wrong: it says nothing about the cache. */
  readonly isSetupFault: boolean;
}

interface SuiteTest {
  readonly id: string;
  readonly kind?: TestKind;
}

/**
 * http-tests/cache-tests, as a browser's cache runs it: the package `http-cache-tests`, or a newer checkout at `CACHE_TESTS`. Its
 * origin runs in a process of its own; its client calls `fetch`.
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

/** Any free port: the suite's server says on which it listens. */
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
