/**
 * The contract of the two shells: what an application of ours may rely on in Electron, and what it must not. Runs in both, so
 * that the stand-in can't drift from the real thing unnoticed. The part about custom schemes is `schemes.spec.ts`.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { describeValue, SAMPLES } from './contract-app/sample-values.ts';
import { expect, test } from './fixture.ts';
import { sendCommand as send, startContractApp } from './start-contract-app.ts';

/** The message of the error that a command ends with. */
const catchRefusal = (page: Page, ...command: string[]): Promise<string> =>
  send(page, ...command).then(
    () => 'no error',
    (error: Error) => error.message,
  );

/** A reload by the main process: the page that asks for it may be gone before it is answered. */
async function reloadPage(page: Page): Promise<void> {
  await page.evaluate(() => Object.assign(globalThis, { old: true }));
  await send(page, 'reload', 'app://tiny/').catch(() => {});
  await page.waitForFunction('globalThis.old === undefined && globalThis.tiny !== undefined');
}

const waitForEvent = (page: Page, text: string) =>
  expect.poll(async () => ((await send(page, 'notes')) as string[]).join('\n'), { message: text }).toContain(text);

test.describe('ports', () => {
  test('values cross in both directions as a structured clone', async ({ launch }) => {
    const { page } = await startContractApp(launch);
    const fromMain = await page.evaluate(async () => {
      const port = await tiny.connect();
      const seen: Record<string, string> = {};
      for (const name of Object.keys(tiny.SAMPLES)) {
        const next = tiny.next(port);
        await tiny.ask('post', name);
        seen[name] = tiny.describe((await next).data);
      }
      for (const value of Object.values(tiny.SAMPLES)) port.postMessage(value);
      return seen;
    });
    const expected = Object.fromEntries(Object.entries(SAMPLES).map(([name, value]) => [name, describeValue(value)]));
    expect(fromMain).toEqual(expected);
    const fromPage: string[] = [];
    await expect
      .poll(async () => fromPage.push(...((await send(page, 'received')) as string[])))
      .toBe(Object.keys(SAMPLES).length);
    expect(fromPage).toEqual(Object.values(expected));
  });

  test('main can post neither values that can’t be cloned nor transferred buffers', async ({ launch }) => {
    const { page } = await startContractApp(launch);
    await page.evaluate(() => tiny.connect());
    for (const name of ['function', 'symbol', 'promise', 'proxy', 'weak map', 'shared memory', 'port in the body']) {
      expect(await catchRefusal(page, 'postUnclonable', name), name).toContain('An object could not be cloned.');
    }
    expect(await catchRefusal(page, 'postTransferringBuffer')).not.toBe('no error');
  });

  test('classes and web objects posted by main arrive as their own properties', async ({ launch }) => {
    const { page } = await startContractApp(launch);
    const seen = await page.evaluate(async () => {
      const port = await tiny.connect();
      const texts: string[] = [];
      for (const name of ['response', 'headers', 'url', 'blob', 'stream', 'instance']) {
        const next = tiny.next(port);
        await tiny.ask('postEmptied', name);
        texts.push(tiny.describe((await next).data));
      }
      return texts;
    });
    expect(seen).toEqual(['{}', '{}', '{}', '{}', '{}', '{x: 1}']);
  });

  test('native objects and transferred buffers posted by a page are lost', async ({ launch }) => {
    const { page } = await startContractApp(launch);
    const refused = await page.evaluate(async () => {
      const port = await tiny.connect();
      port.postMessage({ label: 'a blob', blob: new Blob(['x']) });
      const buffer = new Uint8Array([1, 2, 3]).buffer;
      port.postMessage(buffer, [buffer]);
      port.postMessage(`after; the sender keeps ${buffer.byteLength} bytes`);
      try {
        port.postMessage(() => {});
        return 'no error';
      } catch (error) {
        return (error as Error).name;
      }
    });
    expect(refused).toBe('DataCloneError');
    const received: string[] = [];
    await expect.poll(async () => received.push(...((await send(page, 'received')) as string[]))).toBe(3);
    expect(received[0]).toBe('null');
    expect(received[1]).not.toContain('1 2 3');
    expect(received[2]).toBe('"after; the sender keeps 0 bytes"');
  });

  test('messages wait until the port is started, and keep their order', async ({ launch }) => {
    const { page } = await startContractApp(launch);
    await page.evaluate(async () => {
      const port = await tiny.connect(true);
      for (let count = 0; count < 100; count++) port.postMessage(count);
    });
    expect(await send(page, 'received')).toEqual([]);
    await send(page, 'startPort');
    const received: string[] = [];
    await expect.poll(async () => received.push(...((await send(page, 'received')) as string[]))).toBe(100);
    expect(received).toEqual(Array.from({ length: 100 }, (_, count) => String(count)));
  });

  test('ports travel in transfer lists, both ways', async ({ launch }) => {
    const { page } = await startContractApp(launch);
    const answer = await page.evaluate(async () => {
      const port = await tiny.connect();
      const arrival = tiny.next(port);
      await tiny.ask('postPort');
      const second = (await arrival).ports[0]!;
      const reply = tiny.next(second);
      second.postMessage('hello');
      return (await reply).data;
    });
    expect(answer).toBe('second channel: hello');
    const back = await page.evaluate(async () => {
      const port = await tiny.connect();
      const { port1, port2 } = new MessageChannel();
      const reply = tiny.next(port1);
      port.postMessage('take this port', [port2]);
      while (((await tiny.ask('received')) as string[]).length === 0);
      await tiny.ask('answerOnPassedPort', 'over the page’s own channel');
      return (await reply).data;
    });
    expect(back).toBe('over the page’s own channel');
  });

  test('closing a port notifies the other side', async ({ launch }) => {
    const { page } = await startContractApp(launch);
    await page.evaluate(async () => (await tiny.connect()).close());
    await waitForEvent(page, 'port closed');
    const closed = await page.evaluate(async () => {
      const port = await tiny.connect();
      port.start();
      const told = new Promise<string>((resolve) => port.addEventListener('close', () => resolve('told')));
      await tiny.ask('closePort');
      return told;
    });
    expect(closed).toBe('told');
  });
});

test.describe('preload', () => {
  test('runs in a world of its own, before the page', async ({ launch }) => {
    const { page } = await startContractApp(launch);
    const globals = ['secretOfThePreload', 'require', 'process', 'ipcRenderer', 'module', 'electron'];
    expect(await page.evaluate((names) => names.filter((name) => name in globalThis), globals)).toEqual([]);
    await reloadPage(page);
    await waitForEvent(page, 'hello from app://tiny at app://tiny/');
  });

  test('runs in subframes only when asked, and a subframe is told from its page', async ({ launch }) => {
    const { app, page } = await startContractApp(launch);
    const framed = async (inSubframes: boolean) => {
      await send(page, 'open', 'app://tiny/frames', String(inSubframes));
      const window = await app.waitForWindow((candidate) => app.url(candidate) === 'app://tiny/frames');
      await window.waitForFunction('globalThis.tiny !== undefined && document.readyState === "complete"');
      await expect.poll(() => send(page, 'frames', 'app://tiny/frames')).toHaveLength(2);
      const notes: string[] = [];
      await expect
        .poll(async () => notes.push(...((await send(page, 'notes')) as string[])) && notes.includes('did-finish-load'))
        .toBe(true);
      expect(await send(page, 'frames', 'app://tiny/frames')).toEqual(
        expect.arrayContaining([
          { url: 'store://framed/page', origin: 'store://framed' },
          { url: 'app://tiny/boxed', origin: 'null' },
        ]),
      );
      await send(page, 'closeWindow', 'app://tiny/frames');
      await expect.poll(() => send(page, 'windows')).toEqual(['app://tiny/']);
      return notes.filter((line) => line.startsWith('hello')).sort();
    };
    const own = 'hello from app://tiny at app://tiny/frames';
    expect(await framed(false)).toEqual([own]);
    const boxed = 'hello from null at app://tiny/boxed in a subframe';
    expect(await framed(true)).toEqual(
      [own, boxed, 'hello from store://framed at store://framed/page in a subframe'].sort(),
    );
  });
});

test('a session’s preload script runs in windows made from then on, besides their own, and has its id alone', async ({
  launch,
}) => {
  const { app, page } = await startContractApp(launch);
  const hellos = async (url: string) => {
    await send(page, 'notes');
    await send(page, 'open', url);
    const opened = await app.waitForWindow((it) => app.url(it) === url);
    await opened.waitForFunction('globalThis.tiny !== undefined');
    const notes = (await send(page, 'notes')) as string[];
    return notes.filter((note) => note.startsWith('hello') || note.startsWith('created'));
  };
  const hello = (url: string) => `hello from app://tiny at ${url}`;
  expect(await send(page, 'register', 'extra')).toBe('extra');
  expect(await catchRefusal(page, 'register', 'extra')).not.toBe('no error');
  expect(await send(page, 'registered')).toEqual(['frame extra']);
  await send(page, 'noteCreated');
  const twice = 'app://tiny/twice';
  expect(await hellos(twice)).toEqual(['created: window true', hello(twice), hello(twice)]);
  await send(page, 'unregister', 'extra');
  expect(await send(page, 'registered')).toEqual([]);
  const once = 'app://tiny/once';
  expect(await hellos(once)).toEqual([hello(once)]);
});

test.describe('windows', () => {
  test('a load, a reload and an in-page navigation are reported in order', async ({ launch }) => {
    const { page } = await startContractApp(launch);
    const told = async () => {
      const notes: string[] = [];
      await expect
        .poll(async () => notes.push(...((await send(page, 'notes')) as string[])) && notes.at(-1))
        .toBe('did-finish-load');
      return notes.filter((line) => !line.startsWith('hello') && !line.startsWith('port'));
    };
    await reloadPage(page);
    const committed = (url: string) => [
      `did-frame-navigate ${url} 200`,
      'did-navigate 200',
      'dom-ready',
      'did-finish-load',
    ];
    expect(await told()).toEqual(['did-start-navigation app://tiny/', ...committed('app://tiny/')]);
    await page.evaluate(() => {
      location.hash = 'part';
    });
    await waitForEvent(page, 'did-start-navigation app://tiny/#part in the same document');
    await page.evaluate(() => {
      location.href = 'app://tiny/next';
    });
    // Asked of the new document: an answer to the old one would be lost with it, and the notes in it.
    await page.waitForFunction('location.pathname === "/next" && globalThis.tiny !== undefined');
    expect(await told()).toEqual([
      'did-start-navigation app://tiny/next',
      'will-navigate app://tiny/next',
      ...committed('app://tiny/next'),
    ]);
  });

  test('a navigation that is prevented, a download or answered with 204 is told of, and leaves the page', async ({
    launch,
  }) => {
    const { page } = await startContractApp(launch);
    await page.evaluate(() => Object.assign(globalThis, { old: true }));
    await send(page, 'notes');
    const notes: string[] = [];
    const told = async () => notes.push(...((await send(page, 'notes')) as string[])) && notes;
    const expected: string[] = [];
    for (const name of ['forbidden', 'file', 'nothing']) {
      await page.evaluate((path) => {
        location.href = `app://tiny/${path}`;
      }, name);
      expected.push(`did-start-navigation app://tiny/${name}`, `will-navigate app://tiny/${name}`);
      await expect.poll(told).toEqual(expected);
    }
    for (const name of ['file', 'nothing']) {
      expect(await catchRefusal(page, 'load', 'app://tiny/', `app://tiny/${name}`)).toContain(
        'ERR_FAILED (-2) loading',
      );
      expected.push(`did-start-navigation app://tiny/${name}`);
    }
    expect([await told(), await page.evaluate('old')]).toEqual([expected, true]);
  });

  test('a document is told with its status when it is committed, an error page with the error', async ({ launch }) => {
    const { app, page } = await startContractApp(launch);
    await send(page, 'open', 'app://tiny/missing');
    const second = await app.waitForWindow((candidate) => app.url(candidate) === 'app://tiny/missing');
    await second.waitForFunction('globalThis.tiny !== undefined');
    await waitForEvent(page, 'did-frame-navigate app://tiny/missing 404');
    await send(page, 'notes');
    await second.evaluate(() => {
      location.href = 'unhandled://nobody/';
    });
    const notes: string[] = [];
    const kinds = async () => {
      notes.push(...((await send(page, 'notes')) as string[]));
      return notes.map((note) => note.split(' ')[0]).filter((kind) => /navig|fail/.test(kind!));
    };
    await expect
      .poll(kinds)
      .toEqual(['did-start-navigation', 'will-navigate', 'did-fail-provisional-load', 'did-fail-load']);
    expect(notes).toContain('did-fail-provisional-load -2');
  });

  test('a frame is the same object through navigations; after a crash a look at it throws', async ({ launch }) => {
    const { app, page } = await startContractApp(launch);
    await send(page, 'open', 'app://tiny/second');
    const second = await app.waitForWindow((candidate) => app.url(candidate) === 'app://tiny/second');
    await second.waitForFunction('globalThis.tiny !== undefined');
    for (const to of ['app://tiny/third', 'store://framed/page', 'app://tiny/second']) {
      const from = app.url(second);
      expect(await send(page, 'frameAfter', from, to)).toEqual({ isSame: true, url: to, isDestroyed: false });
    }
    await send(page, 'crash', 'app://tiny/second');
    await waitForEvent(page, 'gone: ');
    expect(await catchRefusal(page, 'frames', 'app://tiny/second')).toContain('Render frame was disposed');
    await send(page, 'reload', 'app://tiny/second');
    await expect.poll(() => catchRefusal(page, 'frames', 'app://tiny/second')).toBe('no error');
  });

  test('a navigation can be prevented, a window of the page’s making denied', async ({ launch }) => {
    const { page } = await startContractApp(launch);
    await page.evaluate(() => {
      location.href = 'app://tiny/forbidden';
    });
    await waitForEvent(page, 'will-navigate app://tiny/forbidden');
    expect(await page.evaluate(() => window.open('app://tiny/popup'))).toBeNull();
    await waitForEvent(page, 'window.open app://tiny/popup');
    expect(await send(page, 'windows')).toEqual(['app://tiny/']);
  });

  test('loadURL rejects with what went wrong', async ({ launch }) => {
    const { app, page } = await startContractApp(launch);
    await send(page, 'open', 'unhandled://nobody/');
    await waitForEvent(page, 'load failed: ERR_');
    await send(page, 'open', 'app://tiny/second');
    const second = await app.waitForWindow((candidate) => app.url(candidate) === 'app://tiny/second');
    await second.waitForFunction('globalThis.tiny !== undefined');
    expect(await catchRefusal(page, 'load', 'app://tiny/second', 'http://127.0.0.1:9/')).toMatch(
      /ERR_[A-Z_]+ \(-\d+\) loading/,
    );
  });

  test('a window that crashed says so, and comes back with a reload', async ({ launch }) => {
    const { app, page } = await startContractApp(launch);
    await send(page, 'open', 'app://tiny/second');
    const second = await app.waitForWindow((candidate) => app.url(candidate) === 'app://tiny/second');
    await second.waitForFunction('globalThis.tiny !== undefined');
    await second.evaluate(() => tiny.connect());
    await send(page, 'crash', 'app://tiny/second');
    const notes: string[] = [];
    await expect
      .poll(async () => notes.push(...((await send(page, 'notes')) as string[])) && notes.join('\n'))
      .toMatch(/gone: (crashed|killed)/);
    expect(await send(page, 'isCrashed', 'app://tiny/second')).toBe(true);
    expect(await send(page, 'isCrashed', 'app://tiny/')).toBe(false);
    await send(page, 'reload', 'app://tiny/second');
    await waitForEvent(page, 'hello from app://tiny at app://tiny/second');
    await expect.poll(() => send(page, 'isCrashed', 'app://tiny/second')).toBe(false);
  });

  test('a page closes its own window', async ({ launch }) => {
    const { app, page } = await startContractApp(launch);
    await send(page, 'open', 'app://tiny/second');
    const second = await app.waitForWindow((candidate) => app.url(candidate) === 'app://tiny/second');
    await second.waitForFunction('globalThis.tiny !== undefined');
    await second.evaluate(() => void setTimeout(() => window.close()));
    await waitForEvent(page, 'closed');
    expect(await send(page, 'windows')).toEqual(['app://tiny/']);
    expect(app.windows()).toHaveLength(1);
  });
});

test('a page from a file, as Vite builds it, has its scripts and styles', async ({ launch, userData }) => {
  const { app, page } = await startContractApp(launch);
  const files = join(userData, 'built');
  await mkdir(join(files, 'assets'), { recursive: true });
  const tags =
    '<script type="module" crossorigin src="./assets/x.js"></script><link rel="stylesheet" crossorigin href="./assets/x.css">';
  await writeFile(join(files, 'index.html'), `<!doctype html>${tags}<p>text</p>`);
  await writeFile(join(files, 'assets', 'x.js'), "import { title } from './y.js'; document.title = title;");
  await writeFile(join(files, 'assets', 'y.js'), "export const title = 'built, at ' + self.origin;");
  await writeFile(join(files, 'assets', 'x.css'), 'p { color: rgb(1, 2, 3) }');
  await send(page, 'openFile', join(files, 'index.html'));
  const opened = await app.waitForWindow((it) => it.url().startsWith('file:'));
  await expect.poll(() => opened.title()).toBe('built, at file://');
  expect(await opened.evaluate(() => getComputedStyle(document.querySelector('p')!).color)).toBe('rgb(1, 2, 3)');
});

test('what a page stores is there after a restart', async ({ launch }) => {
  const { app, page } = await startContractApp(launch);
  await page.evaluate(() => localStorage.setItem('kept', 'yes'));
  await app.close();
  const again = await startContractApp(launch);
  expect(await again.page.evaluate(() => localStorage.getItem('kept'))).toBe('yes');
});

test('quitting asks, can be put off, and ends with 0', async ({ launch }) => {
  const { app, page } = await startContractApp(launch);
  await send(page, 'preventNextQuit').then(() => send(page, 'quit').catch(() => {}));
  await expect.poll(() => app.output()).toContain('will-quit');
  expect(app.process.exitCode).toBeNull();
  await app.close();
  expect(app.process.exitCode).toBe(0);
  const lines = Array.from(app.output().split(/\r?\n/)).filter((line) =>
    /^(before-quit|will-quit|quit|window-all-closed)$/.test(line),
  );
  expect(lines).toEqual(['before-quit', 'will-quit', 'before-quit', 'will-quit', 'quit']);
});
