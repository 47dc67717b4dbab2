/** The templates, their tools, and what their authors would write for the other module format. */
export interface FileEdit {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

export type Format = 'esm' | 'cjs';
export type TemplateName = keyof typeof TEMPLATES;

interface Template {
  /** Arguments for Node, in the template's folder. */
  readonly build: readonly string[];
  /** The folder with the bundle. */
  readonly output: string;
  /** Changes that give the main process the module format. Empty for the one that the template comes with. */
  readonly formats: Readonly<Record<Format, readonly FileEdit[]>>;
}

const toRepositoryPath = (path: string): string => `${import.meta.dirname}/../../${path}`;

export const TEMPLATES = {
  'electron-vite-react': {
    build: [toRepositoryPath('node_modules/electron-vite/bin/electron-vite.js'), 'build'],
    output: 'out',
    formats: {
      cjs: [],
      esm: [{ file: 'package.json', from: '"private": true,', to: '"private": true, "type": "module",' }],
    },
  },
  'forge-vite': {
    build: [toRepositoryPath('e2e/templates/forge-build.ts')],
    output: '.vite',
    formats: {
      cjs: [],
      esm: [
        { file: 'package.json', from: 'index.cjs', to: 'index.mjs' },
        {
          file: 'vite.main.config.ts',
          from: 'plugins: [deskcache()]',
          to: "plugins: [deskcache()], build: { lib: { entry: 'src/main/index.ts', formats: ['es'], fileName: () => '[name].mjs' } }",
        },
      ],
    },
  },
  'esbuild-builder': {
    build: ['esbuild.mjs'],
    output: 'out',
    formats: {
      esm: [],
      cjs: [
        { file: 'package.json', from: 'index.js', to: 'index.cjs' },
        {
          file: 'esbuild.mjs',
          from: "  format: 'esm',\n  external",
          to: "  format: 'cjs',\n  outExtension: { '.js': '.cjs' },\n  external",
        },
      ],
    },
  },
} as const satisfies Record<string, Template>;

export const UTILITY_EDIT: FileEdit = {
  file: 'src/main/index.ts',
  from: "placement: 'main'",
  to: "placement: 'utility'",
};
