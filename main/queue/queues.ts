import { join } from 'node:path';
import { DiskCacheError } from '../../protocol/error.ts';
import { isStoreName } from '../../protocol/stores.ts';
import { type OpenQueueOptions, Queue } from './queue.ts';

/** The queues of one application: each opened when it is first asked for, in a folder of its own, and closed together. */
export class Queues {
  readonly #directory: string;
  readonly #defaults: OpenQueueOptions;
  readonly #queues = new Map<string, Queue>();
  #closed = false;

  /** `defaults` are options of each queue, unless it is opened with others. */
  constructor(directory: string, defaults: OpenQueueOptions = {}) {
    this.#directory = directory;
    this.#defaults = defaults;
  }

  /**
   * The queue of a name; names that differ only in case are one. Options are given when it is opened: by who first asks for it, or
   * asks again after it was closed.
   *
   * @throws {DiskCacheError} `BAD_OPTION` for a name that could not be a folder (a letter, then letters, digits, `-`; at most 64),
   * and for options of a queue that is open; `CLOSED`; else what opening throws.
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
      const queue = new Queue(join(this.#directory, folder), { ...this.#defaults, ...options });
      this.#queues.set(folder, queue);
      return queue as Queue<T>;
    }
    if (options === undefined) return open as Queue<T>;
    throw new DiskCacheError(
      'BAD_OPTION',
      `Queue "${name}" is open already; give its options where it is first asked for`,
    );
  }

  /**
   * A queue that is open, for who may not open one.
   *
   * @throws {DiskCacheError} `NO_SUCH_STORE`.
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

  /** Handlers are told, what they have in hand is given back. Closing again does nothing. */
  close(): void {
    this.#closed = true;
    for (const queue of this.#queues.values()) queue.close();
    this.#queues.clear();
  }
}
