import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build, type Plugin } from 'rolldown';
import { compile as compileSvelte } from 'svelte/compiler';
import { compileScript, parse } from 'vue/compiler-sfc';
import type { DiskCache } from '../../renderer-api/disk-cache.ts';
import { getExample, ROOT } from '../docs/fences.ts';

/** How each framework compiles a component, and shows it. */
const FRAMEWORKS = {
  vue: {
    compile: (source: string) =>
      compileScript(parse(source).descriptor, { id: 'example', inlineTemplate: true }).content,
    show: `import { createApp } from 'vue'; export default (target, props) => createApp(Example, props).mount(target);`,
  },
  svelte: {
    compile: (source: string) => compileSvelte(source, { generate: 'client' }).js.code,
    show: `import { mount } from 'svelte'; export default (target, props) => mount(Example, { target, props });`,
  },
} as const;

/** As a production build of Vue defines them. */
const DEFINITIONS = {
  'process.env.NODE_ENV': '"production"',
  __VUE_OPTIONS_API__: 'false',
  __VUE_PROD_DEVTOOLS__: 'false',
  __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false',
};

/**
 * Shows the component in the fence `name` of a page of the documents in `document`. Its `diskCache` is `page`. Returns the element that it is in.
 */
export async function mountExample(
  framework: keyof typeof FRAMEWORKS,
  [document, name]: readonly [document: string, name: string],
  page: DiskCache,
  props: object,
): Promise<HTMLElement> {
  const { compile, show } = FRAMEWORKS[framework];
  const virtual: Plugin = {
    name: 'example',
    resolveId(id) {
      if (id === 'deskcache/vue' || id === 'deskcache/svelte') return join(ROOT, `renderer-api/${framework}/index.ts`);
      return ['start', 'example', 'deskcache/renderer'].includes(id) ? `\0${id}` : null;
    },
    load(id) {
      if (id === '\0start') return `import Example from 'example'; ${show}`;
      if (id === '\0deskcache/renderer') return 'export const diskCache = globalThis.examplePage;';
      return id === '\0example' ? { code: compile(getExample(document, name)), moduleType: 'ts' } : null;
    },
  };
  const { output } = await build({
    input: 'start',
    cwd: ROOT,
    platform: 'browser',
    write: false,
    logLevel: 'silent',
    transform: { define: DEFINITIONS },
    plugins: [virtual],
    output: { format: 'esm', codeSplitting: false },
  });
  const cache = join(ROOT, 'node_modules/.cache');
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, 'example-'));
  try {
    writeFileSync(join(folder, 'example.mjs'), output[0].code);
    Object.assign(globalThis, { examplePage: page });
    const { default: showExample } = await import(join(folder, 'example.mjs'));
    const target = globalThis.document.body.appendChild(globalThis.document.createElement('div'));
    showExample(target, props);
    return target;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
