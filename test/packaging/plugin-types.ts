/** Compiled, not run: what the plugins are to the types of the tools they are for. */
import type { Plugin as EsbuildPlugin } from 'esbuild';
import type { Plugin as RolldownPlugin } from 'rolldown';
import type { Plugin as RollupPlugin } from 'rollup';
import type { Plugin as VitePlugin } from 'vite';
import type { Configuration } from 'webpack';
import { deskcache as forEsbuild } from '../../main/bundling/esbuild.ts';
import { deskcache } from '../../main/bundling/vite.ts';
import { DeskcachePlugin } from '../../main/bundling/webpack.ts';

const platforms: readonly string[] = ['darwin-x64', 'darwin-arm64'];

export const vite: VitePlugin = deskcache();
export const rolldown: RolldownPlugin = deskcache({ platforms });
export const rollup: RollupPlugin = deskcache();
export const esbuild: EsbuildPlugin = forEsbuild();
export const webpack: Configuration = { plugins: [new DeskcachePlugin({ platforms })] };
