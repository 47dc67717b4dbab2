import { close, constants, fstat, fsync, open, read, write } from 'node:fs';
import { promisify } from 'node:util';
import { valueFailure } from '../sqlite/failure.ts';
import { damaged, MAX_CALL_BYTES, NO_FOLLOW, openFailure } from './whole-file.ts';

const call = {
  close: promisify(close),
  fstat: promisify(fstat),
  fsync: promisify(fsync),
  open: promisify(open),
  read: promisify(read),
  write: promisify(write),
};

/** Closes the descriptors of files that were collected open. */
const FORGOTTEN = new FinalizationRegistry<number>((descriptor) => close(descriptor, () => {}));

/** Files with a step under way: closed in the middle of it, a descriptor could be another file's. */
const BUSY = new Set<OpenFile>();

/**
 * A file that is read or written step by step. Node's own `FileHandle` ends the process when it is collected open (Node 25), which any
 * stream does that a caller forgets; this one closes its descriptor then.
 */
export class OpenFile {
  readonly #path: string;
  readonly #descriptor: number;
  #isOpen = true;

  private constructor(path: string, descriptor: number) {
    this.#path = path;
    this.#descriptor = descriptor;
    FORGOTTEN.register(this, descriptor, this);
  }

  /** @throws {DiskCacheError} `CORRUPT` if it is missing, else what `valueFailure` makes of it. */
  static async toRead(path: string): Promise<OpenFile> {
    return OpenFile.#open(path, constants.O_RDONLY);
  }

  /** @throws {DiskCacheError} also where there is one. */
  static async create(path: string): Promise<OpenFile> {
    return OpenFile.#open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL);
  }

  static async #open(path: string, flags: number): Promise<OpenFile> {
    try {
      return new OpenFile(path, await call.open(path, flags | NO_FOLLOW, 0o600));
    } catch (error) {
      throw flags === constants.O_RDONLY ? openFailure(error, path) : valueFailure(error, path);
    }
  }

  /** Its length in bytes. @throws {DiskCacheError} `CORRUPT` for a pipe or a device in its place. */
  async size(): Promise<number> {
    const facts = await this.#run(call.fstat(this.#descriptor));
    if (!facts.isFile()) throw damaged(this.#path, 'is not an ordinary file');
    return facts.size;
  }

  /** Fills `chunk` from an offset on, as far as there is something. Returns how many bytes there were. */
  async read(chunk: Uint8Array, offset: number): Promise<number> {
    return (await this.#run(call.read(this.#descriptor, chunk, 0, chunk.length, offset))).bytesRead;
  }

  /** Writes all of it at the end. */
  async append(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length; ) {
      at += (await this.#run(call.write(this.#descriptor, chunk, at, Math.min(MAX_CALL_BYTES, chunk.length - at))))
        .bytesWritten;
    }
  }

  async sync(): Promise<void> {
    await this.#run(call.fsync(this.#descriptor));
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    FORGOTTEN.unregister(this);
    await this.#run(call.close(this.#descriptor));
  }

  async #run<T>(step: Promise<T>): Promise<T> {
    BUSY.add(this);
    try {
      return await step;
    } catch (error) {
      throw valueFailure(error, this.#path);
    } finally {
      BUSY.delete(this);
    }
  }
}
