import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Rows } from '../../main/inspector/contract.ts';
import { RowWindow } from '../../main/inspector/page/row-window.ts';

const TOTAL = 1_000_000;

/** A server that answers when the test says so. */
class Server {
  readonly waiting: { readonly from: number; readonly answer: () => void }[] = [];
  longestQueue = 0;

  readonly read = (from: number, count: number): Promise<Rows> =>
    new Promise((resolve) => {
      const rows = Array.from({ length: Math.min(count, TOTAL - from) }, (_, index) => ({ key: from + index }));
      const answer = () => resolve({ rows, total: TOTAL, isComplete: true, isCut: false });
      this.longestQueue = Math.max(this.longestQueue, this.waiting.push({ from, answer }));
    });

  async answerOne(): Promise<void> {
    this.waiting.shift()?.answer();
    await setImmediate();
  }

  async answerAll(): Promise<void> {
    while (this.waiting.length > 0) await this.answerOne();
  }
}

describe('a window of rows', () => {
  it('reads what is shown, and the total', async () => {
    const server = new Server();
    const rows = new RowWindow(server.read, () => {});
    expect(rows.get(0)).toBeUndefined();
    await server.answerAll();
    expect(rows.total).toBe(TOTAL);
    expect(rows.get(63)).toEqual({ key: 63 });
    expect(rows.get(64)).toBeUndefined();
  });

  it('reads only what is wanted last while somebody scrolls fast', async () => {
    const server = new Server();
    const rows = new RowWindow(server.read, () => {});
    for (let from = 0; from < 500_000; from += 1000) rows.show(from, from + 40);
    const asked = server.waiting.length;
    rows.show(900_000, 900_040);
    await server.answerAll();
    expect(rows.get(900_020)).toEqual({ key: 900_020 });
    expect(asked).toBeLessThanOrEqual(2);
    expect(rows.get(250_000)).toBeUndefined();
  });

  it('shows every row in the end, keeps few, and asks for two blocks at once at most', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(TOTAL - 41), fc.nat(3)), { maxLength: 200 }), async (steps) => {
        const server = new Server();
        const rows = new RowWindow(server.read, () => {});
        for (const [from, answers] of steps) {
          rows.show(from, from + 40);
          for (let answer = 0; answer < answers; answer++) await server.answerOne();
        }
        await server.answerAll();
        const [last] = steps.at(-1) ?? [0];
        for (let index = last; index < last + 40; index++) expect(rows.get(index)).toEqual({ key: index });
        expect(rows.kept).toBeLessThanOrEqual(64 * 64);
        expect(server.longestQueue).toBeLessThanOrEqual(2);
      }),
      { numRuns: 50 },
    );
  });

  it('tells of an error, and asks no more', async () => {
    const rows = new RowWindow(
      () => Promise.reject(new Error('closed')),
      () => {},
    );
    await setImmediate();
    expect(rows.error?.message).toBe('closed');
  });
});
