/** `node --import …/from-sources.ts program.ts`: `deskcache/…` is what is written here, not what was built from it. */
import { registerHooks } from 'node:module';

const SOURCES: Readonly<Record<string, URL>> = {
  'deskcache/engine': new URL('../../main/engine/index.ts', import.meta.url),
  'deskcache/offline': new URL('../../main/offline/index.ts', import.meta.url),
};

registerHooks({
  resolve: (specifier, context, next) => next(SOURCES[specifier]?.href ?? specifier, context),
});
