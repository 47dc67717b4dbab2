import { Cache, type CacheMethods, DiskCacheError, type ErrorCode } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

/** Errors with which every method of a store may fail. */
export const STORE_FAILURES = [
  ...(['DISK_FULL', 'BUSY', 'CORRUPT', 'IO', 'TOO_LARGE', 'READ_ONLY', 'CLOSED', 'NOT_ALLOWED', 'TIMEOUT'] as const),
  'an error without a code',
] as const;

export const createStoreError = (code: (typeof STORE_FAILURES)[number]): Error =>
  code === 'an error without a code'
    ? new Error('database disk image')
    : new DiskCacheError(code as ErrorCode, `on purpose: ${code}`);

/** Returns a store whose methods throw the error that `failing` returns for them, before they do anything. */
export function createFailingStore(): {
  readonly cache: CacheMethods;
  failing: (method: string) => Error | undefined;
} & Disposable {
  const store = new Cache(freshDirectory(), { evictionPolicy: 'none' });
  const control = {
    failing: (_: string): Error | undefined => undefined,
    cache: new Proxy(store, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          const error = control.failing(String(name));
          if (error !== undefined) throw error;
          return Reflect.apply(value, target, args);
        };
      },
    }),
    [Symbol.dispose]: () => store.close(),
  };
  return control;
}

export const WRITE_METHODS: ReadonlySet<string> = new Set([
  ...['set', 'setMany', 'add', 'delete', 'deleteMany', 'incr', 'update', 'transact', 'writeStream', 'openWriteStream'],
]);
