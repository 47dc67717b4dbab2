/**
 * `node --import …/register.ts main.js` runs the main process of an Electron application in plain Node: the module `electron`
 * is the stand-in's.
 */
import { registerHooks } from 'node:module';

const standIn = new URL('./electron.ts', import.meta.url).href;
const names: ReadonlySet<string> = new Set(['electron', 'electron/main', 'electron/common']);

registerHooks({
  resolve: (specifier, context, next) =>
    names.has(specifier) ? { url: standIn, format: 'module-typescript', shortCircuit: true } : next(specifier, context),
});
