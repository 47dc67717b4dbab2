import { basename, join } from 'node:path';
import { DiskCacheError } from '../../protocol/error.ts';
import { isStoreName } from '../../protocol/stores.ts';
import { openAsItIs, type StoreOpener } from '../engine/internal.ts';
import { type OpenQueueOptions, Queue } from './queue.ts';

/** The queues of one application. Each is opened on first use, in a folder of its own; they are closed together. */
export class Queues {
  readonly #directory: string;
  readonly #defaults: OpenQueueOptions;
  readonly #openStore: StoreOpener;
  readonly #queues = new Map<string, Queue>();
  #closed = false;

  /** `defaults` are the options of each queue that is opened without them; `openStore` may repair a damaged one. */
  constructor(directory: string, defaults: OpenQueueOptions = {}, openStore: StoreOpener = openAsItIs) {
    this.#directory = directory;
    this.#defaults = defaults;
    this.#openStore = openStore;
  }

  /**
   * Returns the queue of a name, ignoring case. Options apply when it is opened: by the first call, or the first one after it was
   * closed.
   *
   * @throws {DiskCacheError} `BAD_OPTION` for a name that can't be a folder (a letter, then letters, digits, `-`; at most 64), and for
   * options of a queue that is already open; `CLOSED`; else as the constructor of `Queue`.
   */
  find<T>(name: string, options?: OpenQueueOptions): Queue<T> {
    if (this.#closed) throw new DiskCacheError('CLOSED', `The queues in ${this.#directory} were closed`);
    if (!isStoreName(name)) {
      throw new DiskCacheError(
        'BAD_OPTION',
        `Queue name "${String(name)}" is refused: use a letter, then letters, digits or "-", at most 64 characters`,
      );
    }
    const folder = name.toLowerCase();
    const open = this.#queues.get(folder);
    if (!open?.isOpen) {
      const path = join(this.#directory, folder);
      const address = `${basename(this.#directory)}/${folder}`;
      const queue = this.#openStore(
        { name: address, directory: path, kind: 'queue' },
        () => new Queue(path, { ...this.#defaults, ...options }),
      );
      this.#queues.set(folder, queue);
      return queue as Queue<T>;
    }
    if (options === undefined) return open as Queue<T>;
    throw new DiskCacheError('BAD_OPTION', `Queue "${name}" is already open; give its options in the first call`);
  }

  /**
   * Returns a queue if it is open, for callers that may not open one.
   *
   * @throws {DiskCacheError} `NO_SUCH_STORE` if it isn't open.
   */
  findOpen(name: string): Queue {
    const queue = this.#queues.get(name.toLowerCase());
    if (queue?.isOpen) return queue;
    const shown = name.slice(0, 64);
    throw new DiskCacheError(
      'NO_SUCH_STORE',
      `Queue "${shown}" isn't open; call host.queue("${shown}") in the main process before its windows are attached`,
    );
  }

  /** The open queues, by the names of their folders. */
  list(): readonly (readonly [name: string, queue: Queue])[] {
    return [...this.#queues].filter(([, { isOpen }]) => isOpen);
  }

  /** Closes all queues: running handlers are notified, and their jobs returned. Closing again does nothing. */
  close(): void {
    this.#closed = true;
    for (const queue of this.#queues.values()) queue.close();
    this.#queues.clear();
  }
}
