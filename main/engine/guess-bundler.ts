import { readFileSync } from 'node:fs';

interface Bundler {
  readonly name: string;
  /** The entry of deskcache with a plugin for it. */
  readonly plugin: string;
}

const WEBPACK: Bundler = { name: 'webpack', plugin: 'deskcache/webpack' };
const ROLLDOWN: Bundler = { name: 'Vite or Rolldown', plugin: 'deskcache/vite' };

/** Traces of the bundlers in their output, unless it is minified. What esbuild leaves, a chunk of Vite may have, too. */
const TRACES: readonly (readonly [trace: RegExp, bundler: Bundler])[] = [
  [/__webpack_(require|modules|exports)__/, WEBPACK],
  [/^\s*\/\/ ?#region |rolldown\/runtime/m, ROLLDOWN],
];

/** Returns the tool that has probably written a file, for a message; undefined if it left no trace. */
export function guessBundler(file: string): Bundler | undefined {
  if (/[\\/]\.vite[\\/]/.test(file)) return ROLLDOWN;
  if (/[\\/]\.webpack[\\/]/.test(file)) return WEBPACK;
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
  return TRACES.find(([trace]) => trace.test(text))?.[1];
}
