import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { newestWins } from '../../demo-app/page/data/newest-wins.ts';

/** A disk whose writes end when the test says so. */
function slowDisk() {
  const begun: string[] = [];
  const ends: ((error?: Error) => void)[] = [];
  const told: unknown[] = [];
  const save = (text: string) => {
    begun.push(text);
    return new Promise<string>((resolve, reject) => ends.push((error) => (error ? reject(error) : resolve(text))));
  };
  const write = newestWins(
    save,
    (text) => told.push(text),
    (error) => told.push(error),
  );
  const end = async (error?: Error) => {
    ends.shift()?.(error);
    await delay(0);
  };
  return { write, begun, told, end };
}

describe('the newest wins', () => {
  it('saves the first value at once', () => {
    const { write, begun } = slowDisk();
    write('a');
    expect(begun).toEqual(['a']);
  });

  it('saves the last of what came meanwhile, one save at a time, and tells once', async () => {
    const { write, begun, told, end } = slowDisk();
    for (const text of ['a', 'ab', 'abc']) write(text);
    expect(begun).toEqual(['a']);
    await end();
    expect(begun).toEqual(['a', 'abc']);
    expect(told).toEqual([]);
    await end();
    expect(told).toEqual(['abc']);
  });

  it('tells a failure and saves again when asked again', async () => {
    const { write, told, end } = slowDisk();
    const full = new Error('disk full');
    write('a');
    await end(full);
    write('a');
    await end();
    expect(told).toEqual([full, 'a']);
  });

  it('saves what waited although the save before it failed', async () => {
    const { write, begun, told, end } = slowDisk();
    write('a');
    write('ab');
    await end(new Error('busy'));
    await end();
    expect(begun).toEqual(['a', 'ab']);
    expect(told).toEqual(['ab']);
  });

  it('takes undefined for a value', async () => {
    const saved: unknown[] = [];
    const write = newestWins(
      async (value: undefined) => saved.push(value),
      () => undefined,
      () => undefined,
    );
    write(undefined);
    await delay(0);
    expect(saved).toEqual([undefined]);
  });
});
