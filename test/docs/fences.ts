import { globSync, readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '../..');

/** Languages whose fences are examples: code that a reader copies. */
const EXAMPLE_LANGUAGES: ReadonlySet<string> = new Set(['ts', 'tsx', 'js', 'jsx', 'mjs', 'cjs']);

/** A code block of a page, by the words after its three backticks: the language, then `name=…` or `nocheck: reason`. */
export interface Fence {
  /** From the root, with slashes. */
  readonly page: string;
  /** From 1. */
  readonly line: number;
  readonly language: string;
  readonly name: string | undefined;
  /** Why the example is not compiled. */
  readonly nocheck: string | undefined;
  readonly code: string;
}

const FENCE = /^```(\S+)?[ \t]*(.*)\n([\s\S]*?)^```$/gm;

/** Returns the fenced code blocks of a Markdown text, in order. */
export function parseFences(page: string, text: string): Fence[] {
  return Array.from(text.matchAll(FENCE), ({ index, 1: language = '', 2: info = '', 3: code = '' }) => ({
    page,
    line: text.slice(0, index).split('\n').length,
    language,
    name: /^name=([a-z][a-z0-9-]*)$/.exec(info)?.[1],
    nocheck: /^nocheck: (\S.*)$/.exec(info)?.[1],
    code,
  }));
}

const readFences = (page: string): Fence[] => parseFences(page, readFileSync(join(ROOT, page), 'utf8'));

/** Returns the fences of a page that are code. */
export const getExamples = (page: string): Fence[] =>
  readFences(page).filter(({ language }) => EXAMPLE_LANGUAGES.has(language));

/** README, what stands beside it, and the documents. */
export const listPages = (): string[] =>
  globSync(['*.md', 'docs/**/*.md', '{demo-app,examples,templates}/**/*.md'], {
    cwd: ROOT,
    exclude: (path) => path.includes('node_modules'),
  }).map((path) => path.replaceAll('\\', '/'));

/**
 * Returns what stands in the fence `name` of a page, in any language.
 *
 * @throws `Error` that lists the names of the page if none of them matches.
 */
export function getExample(page: string, name: string): string {
  const examples = readFences(page);
  const found = examples.find((example) => example.name === name);
  if (found !== undefined) return found.code;
  const names = examples.map((example) => example.name).filter((it) => it !== undefined);
  throw new Error(`${page} has no example name=${name}; its examples are ${names.join(', ')}`);
}

/** What an example finds around itself. */
export interface ExampleContext {
  /** What its imports give, by specifier. */
  readonly modules?: Readonly<Record<string, unknown>>;
  /** Names that it uses and doesn't declare. */
  readonly scope?: Readonly<Record<string, unknown>>;
  /** Constants of the example to return. */
  readonly returns?: readonly string[];
  /** Statements that run after it. */
  readonly after?: string;
}

const IMPORT = /^import (\{.*\}) from '([^']+)';/gm;

/** Runs the example `name` of a page as the body of an async function. Resolves with the constants that are asked for. */
export async function runExample(
  page: string,
  name: string,
  { modules = {}, scope = {}, returns = [], after = '' }: ExampleContext = {},
): Promise<Record<string, unknown>> {
  const code = stripTypeScriptTypes(getExample(page, name)).replace(IMPORT, 'const $1 = importModule("$2");');
  const importModule = (specifier: string) => {
    if (Object.hasOwn(modules, specifier)) return modules[specifier];
    throw new Error(`${page}, example ${name}, imports ${specifier}, which the test doesn't give it`);
  };
  const around = { importModule, ...scope };
  const body = `return (async () => { ${code}\n${after}\nreturn { ${returns.join(', ')} }; })()`;
  return new Function(...Object.keys(around), body)(...Object.values(around)) as Promise<Record<string, unknown>>;
}
