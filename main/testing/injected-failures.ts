import { type Access, getRequiredAccess } from '../../protocol/contract/signature.ts';
import { type Kind, SIGNATURES } from '../../protocol/contract.ts';
import { DiskCacheError, ERROR_CODES, type ErrorCode } from '../../protocol/error.ts';
import { assertOptions } from '../engine/validate.ts';

/** Which calls `t.fail` makes fail, and how many. */
export interface FailOptions {
  /** How many calls fail, from 1. Default 1. With `Infinity` calls fail until the returned function is called. */
  readonly times?: number;
  /** Only calls on this store. Default: every declared store. */
  readonly store?: string;
  /** Only this method. Default: for `DISK_FULL`, `READ_ONLY` and `TOO_LARGE` every method that writes, otherwise every method. */
  readonly method?: string;
}

interface PendingFailure extends FailOptions {
  readonly code: ErrorCode;
  timesLeft: number;
}

const CODES_OF_WRITES: ReadonlySet<ErrorCode> = new Set(['DISK_FULL', 'READ_ONLY', 'TOO_LARGE']);

/** Makes calls fail on behalf of a test, in the main process and from pages. */
export class InjectedFailures {
  readonly #pending = new Set<PendingFailure>();
  readonly #stores = new Map<string, Kind>();

  /** Wraps the methods of a store, so that they fail when a failure is due. */
  watch(name: string, kind: Kind, store: object): void {
    this.#stores.set(name, kind);
    for (const [method, signature] of Object.entries(SIGNATURES[kind])) {
      const original: unknown = Reflect.get(store, method);
      if (typeof original !== 'function') continue;
      const intercepted = (...args: unknown[]): unknown => {
        this.#failIfDue(name, method, getRequiredAccess(signature, args));
        return original.apply(store, args);
      };
      Object.defineProperty(store, method, { value: intercepted, configurable: true, writable: true });
    }
  }

  /**
   * Makes the next calls fail. Returns a function that ends this.
   *
   * @throws {DiskCacheError} `BAD_OPTION` for an unknown code, store, or method.
   */
  add(code: ErrorCode, options: FailOptions = {}): () => void {
    assertOptions(options, OPTIONS, 'the options of t.fail');
    const { times = 1, store, method } = options;
    if (!ERROR_CODES.includes(code))
      throw badOption(`unknown code "${String(code)}"; valid codes: ${ERROR_CODES.join(', ')}`);
    if (times !== Infinity && !(Number.isSafeInteger(times) && times >= 1))
      throw badOption(`times is ${String(times)}; give a whole number from 1, or Infinity`);
    if (store !== undefined && !this.#stores.has(store)) {
      throw badOption(`unknown store "${store}"; declared stores: ${[...this.#stores.keys()].join(', ')}`);
    }
    const kinds = store === undefined ? [...this.#stores.values()] : [this.#stores.get(store)!];
    if (method !== undefined && !kinds.some((kind) => Object.hasOwn(SIGNATURES[kind], method)))
      throw badOption(
        `unknown method "${method}"; give a method of ${store === undefined ? 'a declared store' : `store "${store}"`}`,
      );
    const failure: PendingFailure = { ...options, code, timesLeft: times };
    this.#pending.add(failure);
    return () => void this.#pending.delete(failure);
  }

  #failIfDue(store: string, method: string, access: Access): void {
    for (const failure of this.#pending) {
      if (failure.store !== undefined && failure.store !== store) continue;
      const isMethod =
        failure.method === undefined
          ? access !== 'read' || !CODES_OF_WRITES.has(failure.code)
          : failure.method === method;
      if (!isMethod) continue;
      if (--failure.timesLeft === 0) this.#pending.delete(failure);
      throw new DiskCacheError(
        failure.code,
        `${method} of store "${store}" failed because the test asked for ${failure.code}`,
      );
    }
  }
}

const OPTIONS: ReadonlySet<string> = new Set(['times', 'store', 'method'] satisfies (keyof FailOptions)[]);

const badOption = (message: string) => new DiskCacheError('BAD_OPTION', `t.fail: ${message}`);
