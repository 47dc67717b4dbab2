import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { Contender, SkippedContender } from '../harness/benchmark.ts';
import { createValueBytes, type Values } from '../harness/keys-and-values.ts';
import type { Scratch } from '../harness/scratch.ts';

/** What diskcache_peer.py can open. */
type Opener = 'open_store' | 'open_deque' | 'open_index';

/** What diskcache_peer.py can be asked for. */
export type PythonAction =
  | 'fill'
  | 'get'
  | 'set_each'
  | 'set_in_transactions'
  | 'delete_each'
  | 'drop'
  | 'set_objects'
  | 'get_objects'
  | 'walk_keys'
  | Opener
  | 'push_each'
  | 'shift_each'
  | 'fill_deque'
  | 'read_at'
  | 'walk_values'
  | 'fill_index'
  | 'index_set'
  | 'index_get'
  | 'index_walk'
  | 'open_and_close'
  | 'use_recipe'
  | 'close_store';

type Reply = { readonly figure: number | null } | { readonly error: string };

/** Debian's interpreter: the one that `apt-get install python3-diskcache` serves. */
const INTERPRETER = '/usr/bin/python3';
/** Prints the versions of what is measured. */
export const PYTHON_VERSIONS_COMMAND = [
  INTERPRETER,
  '-c',
  "import diskcache, platform; print('Python', platform.python_version() + ', DiskCache', diskcache.__version__)",
] as const;
const NOT_INSTALLED =
  'python3-diskcache is not installed (apt-get install python3-diskcache, or PYTHONPATH with what pip install --target has put there)';

/** Python DiskCache in a process of its own, with one store. If it isn't installed, its contenders are skipped. */
export class PythonPeer implements Disposable {
  readonly directory: string;
  readonly #orders: string;
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #replies: AsyncIterator<string>;
  #isMissing = false;

  private constructor(scratch: Scratch, values: Values) {
    this.directory = scratch.directory();
    this.#orders = scratch.directory();
    const path = join(this.#orders, 'values');
    writeFileSync(path, createValueBytes(values.bytes));
    this.#values = { values: path, size: values.bytes, form: values.form };
    const script = join(import.meta.dirname, 'diskcache_peer.py');
    this.#child = spawn(INTERPRETER, [script], { stdio: ['pipe', 'pipe', 'ignore'] });
    this.#child.on('error', () => {}); // an interpreter that isn't there ends the replies too
    this.#child.stdin.on('error', () => {});
    this.#replies = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** Starts the process and opens its store, by default with DiskCache's own settings. */
  static async open(
    scratch: Scratch,
    values: Values,
    options: Readonly<Record<string, unknown>> = {},
    opener: Opener = 'open_store',
  ): Promise<PythonPeer> {
    const python = new PythonPeer(scratch, values);
    python.#isMissing = (await python.#replies.next()).done === true;
    await python.ask(opener, new Uint32Array(), { directory: python.directory, options });
    return python;
  }

  /** Has `action` done with the items of these indices; answers its figure, 0 where it has none. */
  async ask(action: PythonAction, indices: Uint32Array, more: Readonly<Record<string, unknown>> = {}): Promise<number> {
    if (this.#isMissing) return 0;
    const order = join(this.#orders, 'order');
    writeFileSync(order, indices);
    this.#child.stdin.write(`${JSON.stringify({ do: action, order, ...this.#values, ...more })}\n`);
    const { value } = await this.#replies.next();
    if (value === undefined) throw new Error(`Python ended while it did ${action}`);
    const reply = JSON.parse(value) as Reply;
    if ('error' in reply) throw new Error(`Python DiskCache, ${action}: ${reply.error}`);
    return reply.figure ?? 0;
  }

  createContender(name: string, round: Contender['round']): Contender | SkippedContender {
    return this.#isMissing ? { name, skipped: NOT_INSTALLED } : { name, round };
  }

  [Symbol.dispose](): void {
    this.#child.kill();
  }
}

export const PYTHON_NAME = 'Python DiskCache';
