import { describe, expect, it, vi } from 'vitest';
import type { UtilityProcess } from '../../e2e/stand-in/main/utility-process.ts';
import { started } from '../electron/utility-double.ts';
import { openUtilityHost } from '../electron/utility-fixture.ts';

vi.mock('electron', async () => {
  const double = await import('../electron/utility-double.ts');
  const { UtilityProcess } = await import('../../e2e/stand-in/main/utility-process.ts');
  const fork = (modulePath: string, args: string[]) => {
    const env = { ...process.env, NODE_DEBUG: 'deskcache' };
    const utility = new UtilityProcess(modulePath, args, { env, stderr: 'pipe' });
    double.started.push(utility);
    return utility;
  };
  return { ...double, utilityProcess: { fork } };
});

/** The lines that a process prints to its standard error, as they arrive. */
function recordLines({ stderr }: UtilityProcess): string[] {
  const lines: string[] = [];
  stderr!.setEncoding('utf8').on('data', (text: string) => lines.push(...text.split('\n').filter(Boolean)));
  return lines;
}

describe('NODE_DEBUG=deskcache in a utility process', () => {
  it('prints sessions, calls and transactions there, by the process that they happen in', async () => {
    await using host = await openUtilityHost();
    const utility = started.at(-1)!;
    const lines = recordLines(utility);
    const page = host.open('main').page();
    await page.cache('api').set('secret', 'secret');
    await page
      .cache('api')
      .incr('secret')
      .catch(() => {});
    page.disconnect();
    const prefix = `^DESKCACHE ${utility.pid}: `;
    await vi.waitFor(() => {
      for (const line of [
        'session for stores opened, window "main"$',
        'transaction committed after [\\d.]+ ms, 1 row written: .*api$',
        'call api\\.set returned after [\\d.]+ ms$',
        'call api\\.incr failed with BAD_VALUE after [\\d.]+ ms$',
        'session for stores closed, window "main": DISCONNECTED$',
      ])
        expect(lines).toContainEqual(expect.stringMatching(prefix + line));
    }, 10_000);
    expect(lines.join()).not.toContain('secret');
  });
});
