import { once } from 'node:events';
import { join } from 'node:path';
import type { Command } from 'commander';
import { isStore, listStores, type OpenedStore } from '../../archive/open-store.ts';
import { DiskCacheError } from '../../engine/index.ts';
import type { InspectedStore } from '../../inspector/inspected-stores.ts';
import { loadInspector } from '../../inspector/load.ts';
import { Queue } from '../../queue/index.ts';
import type { Context, SharedOptions } from '../context.ts';
import { findDirectory, openStore } from '../stores.ts';
import { parseCount, writeBytes, writeLine } from '../terminal.ts';

interface InspectOptions extends SharedOptions {
  readonly write?: boolean;
  readonly port?: number;
}

export function addInspectCommand(program: Command, context: Context): void {
  program
    .command('inspect <dir>')
    .description('look into a store, or all stores in a folder, with a browser, until Ctrl-C')
    .option('--write', 'allow changes, and follow those of others')
    .option('--port <n>', 'listen on this port of 127.0.0.1 (default: any that is free)', parseCount)
    .action((dir: string, _: unknown, command: Command) => inspect(context, dir, command.optsWithGlobals()));
}

async function inspect({ terminal }: Context, argument: string, options: InspectOptions): Promise<void> {
  const { write = false, port, keyFile, json } = options;
  const directory = findDirectory(argument, terminal.env);
  const stores = openStores(directory, { write, ...(keyFile !== undefined && { keyFile }) });
  try {
    const source = { title: directory, listStores: () => stores };
    const { inspection, handle, startLoopbackServer } = await loadInspector(source, write);
    const server = await startLoopbackServer(handle, port).catch((cause: Error) => {
      throw new DiskCacheError('BUSY', `Port ${port} can’t be listened on: ${cause.message}`, { cause });
    });
    try {
      await writeLine(terminal, json ? JSON.stringify({ link: server.link }) : server.link);
      if (!json) await writeBytes(terminal.stderr, 'Open this link in a browser; it works once. Ctrl-C ends it\n');
      if (!terminal.interrupt.aborted) await once(terminal.interrupt, 'abort');
    } finally {
      await server.close();
      inspection.close();
    }
  } finally {
    for (const it of stores) if (it.kind !== undefined) it.store.close();
  }
}

type Access = Parameters<typeof openStore>[1];

/** @throws {DiskCacheError} `NO_SUCH_STORE` for a folder without stores. */
function openStores(directory: string, access: Access): readonly InspectedStore[] {
  if (isStore(directory)) return [toInspected(directory, openStore(directory, access))];
  const paths = listStores(directory);
  if (paths.length === 0) throw new DiskCacheError('NO_SUCH_STORE', `${directory} and the folders in it hold no store`);
  return paths.map((path) => {
    try {
      return toInspected(path, openStore(join(directory, path), access));
    } catch (error) {
      return { name: path, kind: undefined, error };
    }
  });
}

/** A queue is opened as one, which may write; the inspector refuses writing by itself. */
function toInspected(name: string, { kind, store }: OpenedStore): InspectedStore {
  if (kind !== 'queue') return { name, kind, store } as InspectedStore;
  const { directory } = store;
  store.close();
  return { name, kind, store: new Queue(directory, { workerThread: false }) };
}
