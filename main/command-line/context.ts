import type { OpenedStore } from '../archive/open-store.ts';
import type { KeyFormat } from './keys.ts';
import { type AccessOptions, findDirectory, openStore } from './stores.ts';
import type { Terminal } from './terminal.ts';

/** Options that every command has. */
export interface SharedOptions {
  readonly json?: boolean;
  readonly jsonKeys?: boolean;
  readonly keyFile?: string;
}

/** What a command works with. */
export interface Context {
  readonly terminal: Terminal;
}

/** How keys are given in arguments. */
export const getKeyFormat = ({ jsonKeys }: SharedOptions): KeyFormat => (jsonKeys ? 'json' : 'text');

/** Opens a store, works with it, and closes it in any case. */
export async function withStore<T>(
  { terminal }: Context,
  argument: string,
  { keyFile }: SharedOptions,
  { write = false }: Pick<AccessOptions, 'write'>,
  work: (opened: OpenedStore, directory: string) => T | Promise<T>,
): Promise<T> {
  const directory = findDirectory(argument, terminal.env);
  const opened = openStore(directory, { write, ...(keyFile !== undefined && { keyFile }) });
  try {
    return await work(opened, directory);
  } finally {
    opened.store.close();
  }
}
