/** How the end-to-end tests start and end an application, as far as that shows without one. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { collectOutput } from '../../e2e/create-app-handle.ts';
import { waitForDevtools } from '../../e2e/devtools-endpoint.ts';
import { isElectronRequired } from '../../e2e/find-electron.ts';
import { getKillCommand, killTree } from '../../e2e/kill-tree.ts';
import { getElectronOptions } from '../../e2e/launch-electron.ts';
import { getSwitches } from '../../e2e/launch-packaged.ts';

const node = (script: string): ChildProcess =>
  spawn(process.execPath, ['--eval', script], { stdio: ['ignore', 'pipe', 'pipe'] });

describe('killing an application', () => {
  it('ends the whole process tree on Windows, where the child is a shell', () => {
    expect(getKillCommand(4711, 'win32')).toEqual({ command: 'taskkill', args: ['/pid', '4711', '/T', '/F'] });
  });

  it.each(['linux', 'darwin'] as const)('is a signal on %s, where the child is the main process', (platform) => {
    expect(getKillCommand(4711, platform)).toEqual({ signal: 'SIGKILL' });
  });

  it('ends a running process, and does not fail for one that has ended', async () => {
    const child = node('setInterval(() => {}, 1000)');
    await once(child, 'spawn');
    killTree(child);
    await once(child, 'exit');
    expect(() => killTree(child)).not.toThrow();
  });
});

describe('starting Electron', () => {
  const asked = { main: '/app/main.js', userData: '/data', args: ['--utility'] };

  it('gives the application its main module, its folder and its arguments, in this order', () => {
    expect(getElectronOptions(asked, true).args).toEqual(['/app/main.js', '--user-data-dir=/data', '--utility']);
  });

  it.each([true, false])('tells Playwright whether there is a sandbox (%s)', (sandbox) => {
    expect(getElectronOptions(asked, sandbox)).toMatchObject({ chromiumSandbox: sandbox });
  });

  it('is required by the environment variable alone', () => {
    expect(isElectronRequired({})).toBe(false);
    expect(isElectronRequired({ REQUIRE_ELECTRON: '' })).toBe(false);
    expect(isElectronRequired({ REQUIRE_ELECTRON: '0' })).toBe(false);
    expect(isElectronRequired({ REQUIRE_ELECTRON: '1' })).toBe(true);
  });
});

describe('starting a packaged application', () => {
  it('opens a debugging port, because a fuse disables --inspect', () => {
    const switches = getSwitches('/data', true, 'win32');
    expect(switches).toEqual(['--user-data-dir=/data', '--remote-debugging-port=0']);
  });

  it.each(['darwin', 'linux'] as const)('does not ask for the password of the key store on %s', (platform) => {
    expect(getSwitches('/data', true, platform)).toContainEqual(
      expect.stringMatching(/^--(use-mock-keychain|password-store=basic)$/),
    );
  });

  it('turns the sandbox off only where it can’t work', () => {
    expect(getSwitches('/data', false, 'linux')).toContain('--no-sandbox');
    expect(getSwitches('/data', true, 'linux')).not.toContain('--no-sandbox');
  });
});

describe('the DevTools endpoint', () => {
  const wait = (script: string, timeout = 20_000) => {
    const child = node(script);
    return waitForDevtools(child, collectOutput(child), timeout).finally(() => killTree(child));
  };

  it('is read from the application’s output', async () => {
    const script = `console.error('DevTools listening on ws://127.0.0.1:9/devtools/browser/x'); setInterval(() => {}, 1000)`;
    expect(await wait(script)).toBe('ws://127.0.0.1:9/devtools/browser/x');
  });

  it('fails with the output or the exit if the application ends first', async () => {
    await expect(wait(`console.error('no display'); process.exit(3)`)).rejects.toThrow('no display');
    await expect(wait('process.exit(3)')).rejects.toThrow('ended with code 3');
  });

  it('fails after the time-out', async () => {
    await expect(wait('setInterval(() => {}, 1000)', 300)).rejects.toThrow('did not start within 300 ms');
  });
});
