import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A place for a comparison's stores, on the disk that TMPDIR names; gone afterwards. */
export class Scratch implements Disposable {
  readonly #root = mkdtempSync(join(tmpdir(), 'deskcache-bench-'));
  #count = 0;

  /** A new, empty directory. */
  directory(): string {
    const path = join(this.#root, String(this.#count++));
    mkdirSync(path);
    return path;
  }

  [Symbol.dispose](): void {
    rmSync(this.#root, { recursive: true, force: true });
  }
}
