import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { OPEN_EVENT } from '../page-messages.ts';

/** The two page-side files as single classic scripts. Made once per process; takes some 50 ms. */
export interface PageBundles {
  readonly agent: string;
  readonly surface: string;
}

async function bundleScript(file: string): Promise<string> {
  const build = await rolldown({
    input: fileURLToPath(new URL(file, import.meta.url)),
    platform: 'browser',
    logLevel: 'silent',
  });
  const { output } = await build.generate({ format: 'iife', name: 'standInScript' });
  await build.close();
  return output[0].code;
}

export async function bundleScripts(): Promise<PageBundles> {
  const [agent, surface] = await Promise.all([bundleScript('isolated-world.ts'), bundleScript('main-world.ts')]);
  return { agent: `(() => {${agent}})();`, surface };
}

/** `schemes`: those that pages may fetch, true: from other origins too. */
export function createMainWorldScript(surface: string, schemes: Readonly<Record<string, boolean>>): string {
  const known = `${JSON.stringify(schemes)}, '.stand-in'`;
  const calls = `standInScript.teachFetch(${known}); standInScript.teachPlayers(${known}); standInScript.loseTransferredBuffers(); standInScript.openNothing('${OPEN_EVENT}'); standInScript.bridgeContexts();`;
  return `(() => {${surface}\n${calls}})();`;
}

/** Bundles CommonJS preload files into one script for the isolated world; read again for each window. */
export function createPreloadScript(files: readonly string[], inSubframes: boolean): string {
  const bodies = files.map((file) => {
    const source = readFileSync(file, 'utf8');
    return `standIn.preload((require, process, module, exports) => {${source}\n}, ${inSubframes});`;
  });
  return bodies
    .map((body) => `try {${body}} catch (error) { console.error('Unable to load preload script', error); }`)
    .join('\n');
}
