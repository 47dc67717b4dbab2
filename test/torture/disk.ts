import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Operation } from './shim.ts';

/** Of a disk, which writes a sector whole or not at all. */
const SECTOR_BYTES = 512;

/** A file's bytes, and what was done to them since they were last synced. */
class SimulatedFile {
  #durable: Buffer = Buffer.alloc(0);
  #pending: ((bytes: Buffer) => Buffer)[] = [];

  write(offset: number, bytes: Buffer): void {
    this.#pending.push((before) => {
      const after = before.length >= offset + bytes.length ? Buffer.from(before) : Buffer.alloc(offset + bytes.length);
      if (after.length !== before.length) before.copy(after);
      bytes.copy(after, offset);
      return after;
    });
  }

  truncate(length: number): void {
    this.#pending.push((before) => {
      const after = Buffer.alloc(length);
      before.copy(after);
      return after;
    });
  }

  sync(): void {
    this.#durable = this.#pending.reduce<Buffer>((bytes, change) => change(bytes), this.#durable);
    this.#pending = [];
  }

  /** What a power cut leaves: what was synced, and of each later change all, nothing, or some sectors. */
  afterCut(random: () => number, luck: number): Buffer {
    return this.#pending.reduce<Buffer>((bytes, change) => {
      if (random() < luck) return change(bytes);
      return random() < 0.2 ? tearWrite(bytes, change(bytes), random) : bytes;
    }, this.#durable);
  }
}

function tearWrite(before: Buffer, after: Buffer, random: () => number): Buffer {
  const torn = Buffer.alloc(after.length);
  before.copy(torn);
  for (let at = 0; at < after.length; at += SECTOR_BYTES) {
    if (random() < 0.5) after.copy(torn, at, at, at + SECTOR_BYTES);
  }
  return torn;
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
   * Writes into `directory` the state after a power cut at this moment. `luck` from 0 to 1: the share of unsynced data that survived.
   */
  cut(directory: string, random: () => number, luck: number): void {
    this.#commitNames(Math.round(this.#pending.length * (luck === 0 || luck === 1 ? luck : random())));
    const toPath = (path: string) => join(directory, relative(this.#root, path));
    mkdirSync(directory, { recursive: true });
    for (const folder of this.#folders) mkdirSync(toPath(folder), { recursive: true });
    for (const [path, inode] of this.#inodes) writeFileSync(toPath(path), inode.afterCut(random, luck));
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
