/** `node --import …/register-stub.ts main.js`: both `import 'electron'` and `require('electron')` get the stub. */
import { registerHooks } from 'node:module';

const stub = new URL('./electron-stub.ts', import.meta.url).href;

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'electron'
      ? { url: stub, format: 'module-typescript', shortCircuit: true }
      : next(specifier, context),
});
