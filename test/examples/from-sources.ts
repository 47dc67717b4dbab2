/** `node --import …/from-sources.ts program.ts`: resolves `deskcache/…` to the sources instead of the build. */
import { registerHooks } from 'node:module';

const SOURCES: Readonly<Record<string, URL>> = {
  'deskcache/engine': new URL('../../main/engine/index.ts', import.meta.url),
  'deskcache/offline': new URL('../../main/offline/index.ts', import.meta.url),
};

registerHooks({
  resolve: (specifier, context, next) => next(SOURCES[specifier]?.href ?? specifier, context),
});
