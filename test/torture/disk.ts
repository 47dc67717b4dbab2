import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Operation } from './shim.ts';

/** Of a disk, which writes a sector whole or not at all. */
const SECTOR_BYTES = 512;

/** Bytes that grow and shrink in place, because a file has thousands of writes. */
class FileBytes {
  #buffer: Buffer;
  #length: number;

  constructor(bytes: Buffer) {
    this.#buffer = Buffer.from(bytes);
    this.#length = bytes.length;
  }

  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  resize(length: number): void {
    if (length > this.#buffer.length) {
      const larger = Buffer.alloc(2 * length);
      this.bytes.copy(larger);
      this.#buffer = larger;
    }
    this.#buffer.fill(0, Math.min(length, this.#length), Math.max(length, this.#length));
    this.#length = length;
  }

  write(offset: number, bytes: Buffer): void {
    if (offset + bytes.length > this.#length) this.resize(offset + bytes.length);
    bytes.copy(this.#buffer, offset);
  }

  /** Writes some of the sectors. */
  tear(offset: number, bytes: Buffer, random: () => number): void {
    if (offset + bytes.length > this.#length) this.resize(offset + bytes.length);
    let from = 0;
    while (from < bytes.length) {
      const to = Math.min(bytes.length, SECTOR_BYTES - ((offset + from) % SECTOR_BYTES) + from);
      if (random() < 0.5) bytes.copy(this.#buffer, offset + from, from, to);
      from = to;
    }
  }
}

/** From 0 to 1: the share of unsynced changes that survive. `in order`: the first of them, as many as it happens. */
export type Luck = number | 'in order';

/** A change of a file; without bytes, of its length. */
interface FileChange {
  readonly offset: number;
  readonly bytes: Buffer | undefined;
}

/** A file's bytes, and what was done to them since they were last synced. */
class SimulatedFile {
  readonly #durable: FileBytes;
  #pending: FileChange[] = [];

  constructor(bytes: Buffer = Buffer.alloc(0)) {
    this.#durable = new FileBytes(bytes);
  }

  write(offset: number, bytes: Buffer): void {
    this.#pending.push({ offset, bytes });
  }

  truncate(length: number): void {
    this.#pending.push({ offset: length, bytes: undefined });
  }

  sync(): void {
    for (const change of this.#pending) apply(this.#durable, change);
    this.#pending = [];
  }

  /** What a power cut leaves: what was synced, and of each later change all, nothing, or some sectors. */
  afterCut(random: () => number, luck: Luck): Buffer {
    const left = new FileBytes(this.#durable.bytes);
    if (luck === 'in order') {
      const kept = Math.floor(random() * (this.#pending.length + 1));
      for (const change of this.#pending.slice(0, kept)) apply(left, change);
      if (kept < this.#pending.length) tear(left, this.#pending[kept]!, random);
      return left.bytes;
    }
    for (const change of this.#pending) {
      if (random() < luck) apply(left, change);
      else if (random() < 0.2) tear(left, change, random);
    }
    return left.bytes;
  }
}

function apply(file: FileBytes, { offset, bytes }: FileChange): void {
  if (bytes === undefined) file.resize(offset);
  else file.write(offset, bytes);
}

function tear(file: FileBytes, { offset, bytes }: FileChange, random: () => number): void {
  if (bytes === undefined) file.resize(offset);
  else file.tear(offset, bytes, random);
}

/**
 * A disk that forgets at a power cut what was not synced. Names are kept as journaling file systems keep them (ext4, APFS, NTFS): in
 * order, and all earlier ones with any sync; the bytes of a file are kept when it was synced itself.
 */
export class SimulatedDisk {
  readonly #root: string;
  readonly #inodes = new Map<string, SimulatedFile>();
  readonly #folders = new Set<string>();
  /** Changes of names since the last sync, in order. */
  #pending: (() => void)[] = [];
  /** As a process sees it. */
  readonly #seen = new Map<string, SimulatedFile>();

  constructor(root: string) {
    this.#root = root;
  }

  /** Takes what is in a directory for durable. Its paths become those below the root. */
  load(directory: string): void {
    for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
      const from = join(entry.parentPath, entry.name);
      const path = join(this.#root, relative(directory, from));
      if (entry.isDirectory()) {
        this.#folders.add(path);
        continue;
      }
      const file = new SimulatedFile(readFileSync(from));
      this.#inodes.set(path, file);
      this.#seen.set(path, file);
    }
  }

  apply(operation: Operation): void {
    switch (operation.kind) {
      case 'create': {
        const inode = new SimulatedFile();
        this.#seen.set(operation.path, inode);
        this.#pending.push(() => this.#inodes.set(operation.path, inode));
        break;
      }
      case 'mkdir':
        this.#pending.push(() => this.#folders.add(operation.path));
        break;
      case 'rmdir':
        this.#pending.push(() => this.#folders.delete(operation.path));
        break;
      case 'rename':
        this.#moveSeen(operation.path, operation.to);
        this.#pending.push(() => this.#move(operation.path, operation.to));
        break;
      case 'link': {
        const inode = this.#seen.get(operation.path)!;
        this.#seen.set(operation.to, inode);
        this.#pending.push(() => this.#inodes.set(operation.to, inode));
        break;
      }
      case 'unlink':
        this.#seen.delete(operation.path);
        this.#pending.push(() => this.#inodes.delete(operation.path));
        break;
      case 'write':
        this.#seen.get(operation.path)?.write(operation.offset, operation.bytes);
        break;
      case 'truncate':
        this.#seen.get(operation.path)?.truncate(operation.length);
        break;
      case 'sync':
        this.#seen.get(operation.path)?.sync();
        this.#commitNames(this.#pending.length);
        break;
      case 'said':
        break;
    }
  }

  /** Makes everything durable, as the kernel does by itself after a while. */
  settle(): void {
    for (const inode of this.#seen.values()) inode.sync();
    this.#commitNames(this.#pending.length);
  }

  /**
   * Writes into `directory` the state after a power cut at this moment, with one `luck` for all files, or one for each.
   */
  cut(directory: string, random: () => number, luck: number | (() => Luck)): void {
    this.#commitNames(Math.round(this.#pending.length * (luck === 0 || luck === 1 ? luck : random())));
    const getLuck = typeof luck === 'function' ? luck : () => luck;
    const toPath = (path: string) => join(directory, relative(this.#root, path));
    mkdirSync(directory, { recursive: true });
    for (const folder of this.#folders) mkdirSync(toPath(folder), { recursive: true });
    for (const [path, inode] of this.#inodes) writeFileSync(toPath(path), inode.afterCut(random, getLuck()));
  }

  #commitNames(count: number): void {
    for (const change of this.#pending.splice(0, count)) change();
  }

  #move(from: string, to: string): void {
    moveIn(this.#inodes, from, to);
    for (const folder of [...this.#folders]) {
      if (!isWithin(folder, from)) continue;
      this.#folders.delete(folder);
      this.#folders.add(to + folder.slice(from.length));
    }
  }

  #moveSeen(from: string, to: string): void {
    moveIn(this.#seen, from, to);
  }
}

const isWithin = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`);

function moveIn(inodes: Map<string, SimulatedFile>, from: string, to: string): void {
  for (const [path, inode] of [...inodes]) {
    if (!isWithin(path, from)) continue;
    inodes.delete(path);
    inodes.set(to + path.slice(from.length), inode);
  }
}
