/** Does what `electron-forge package` does before it packs, in the folder it is started in: the builds of Forge's Vite plugin. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type {
  ForgeArch,
  ForgeConfig,
  ForgePlatform,
  IForgePlugin,
  ResolvedForgeConfig,
} from '@electron-forge/shared-types';
import { Listr } from 'listr2';

const folder = process.cwd();
const file = pathToFileURL(join(folder, 'forge.config.ts')).href;
const { default: config } = (await import(file)) as { default: ForgeConfig };

const vite = config.plugins?.find((plugin): plugin is IForgePlugin => 'name' in plugin && plugin.name === 'vite');
if (vite === undefined) throw new Error('forge.config.ts has no VitePlugin');
vite.init(folder, config as ResolvedForgeConfig);

const build = [vite.getHooks?.().prePackage].flat()[0];
if (build === undefined) throw new Error('VitePlugin has nothing to do before it packs');
// Forge calls its own hooks with the task of a list as `this`; what they return is the list of their builds.
const task = (_: unknown, running: object) =>
  build.call(running, config as ResolvedForgeConfig, process.platform as ForgePlatform, process.arch as ForgeArch);
await new Listr([{ title: 'Vite', task }], { renderer: 'silent' }).run();
