/** What only the stand-in must do: refuse what it does not have, by name, and leave no process behind. */
import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '../fixture.ts';
import { startOrigin } from '../http-origin.ts';
import { sendCommand, startContractApp } from '../start-contract-app.ts';
import { findChromium } from './chromium/find-chromium.ts';

/** Writes a main module that reports what `body` throws, and says so when it throws nothing. */
async function writeMain(directory: string, imports: string, body: string): Promise<string> {
  await mkdir(directory, { recursive: true });
  const main = join(directory, 'main.mjs');
  const guarded = `try { ${body}; console.log('nothing thrown'); } catch (error) { console.log(error.message); }`;
  await writeFile(main, `import { ${imports} } from 'electron';\napp.whenReady().then(async () => { ${guarded} });\n`);
  return main;
}

const REFUSED_CALLS: readonly { body: string; names: string }[] = [
  { body: 'app.dock.hide()', names: 'App.dock' },
  { body: "app.on('gpu-info-update', () => {})", names: "App.on('gpu-info-update')" },
  { body: "app.getPath('desktop')", names: "getPath('desktop')" },
  { body: 'protocol.registerFileProtocol()', names: 'protocol.registerFileProtocol' },
  { body: "session.fromPath('relative')", names: 'An absolute path was not provided' },
  { body: "session.fromPartition('p', { cache: false })", names: 'session.fromPartition.cache' },
  { body: "session.defaultSession.on('will-download', () => {})", names: 'Session.on' },
  { body: 'session.defaultSession.clearCache()', names: 'Session.clearCache' },
  { body: 'new BrowserWindow({ frame: false })', names: 'new BrowserWindow.frame' },
  { body: 'new BrowserWindow({ webPreferences: { zoomFactor: 2 } })', names: 'webPreferences.zoomFactor' },
  { body: 'net.resolveHost()', names: 'net.resolveHost' },
  { body: "net.request({ url: 'http://127.0.0.1/' })", names: 'net.request asks past the handlers only' },
  { body: 'new BrowserWindow({ webPreferences: { nodeIntegration: true } })', names: 'nodeIntegration: true' },
  { body: 'new BrowserWindow({ webPreferences: { contextIsolation: false } })', names: 'contextIsolation: false' },
  { body: 'new BrowserWindow({ webPreferences: { sandbox: false } })', names: 'sandbox: false' },
  { body: 'new BrowserWindow().setMenu(null)', names: 'BrowserWindow.setMenu' },
  { body: "new BrowserWindow().on('move', () => {})", names: "BrowserWindow.on('move')" },
  { body: 'new BrowserWindow().webContents.debugger', names: 'WebContents.debugger' },
  { body: "new BrowserWindow().webContents.ipc.handle('x', () => {})", names: 'webContents.ipc.handle' },
  { body: 'new BrowserWindow().webContents.mainFrame.osProcessId', names: 'WebFrameMain.osProcessId' },
  { body: 'new MessageChannelMain().port1.onmessage', names: 'MessagePortMain.onmessage' },
  { body: "utilityProcess.fork('x.js', [], { partition: 'p' })", names: 'utilityProcess.fork.partition' },
  { body: 'utilityProcess.exit()', names: 'utilityProcess.exit' },
  { body: "protocol.registerSchemesAsPrivileged([{ scheme: 'late' }])", names: 'before app is ready' },
];

test('unknown members are refused by name', async ({ launch, userData }) => {
  const body = REFUSED_CALLS.map(
    (refused) =>
      `try { ${refused.body}; console.log('nothing thrown'); } catch (error) { console.log(error.message); }`,
  );
  const main = await writeMain(
    userData,
    'app, BrowserWindow, MessageChannelMain, net, protocol, session, utilityProcess',
    body.join('\n'),
  );
  const app = await launch({ main });
  await expect.poll(() => app.output()).toContain('before app is ready');
  const lines = app
    .output()
    .split('\n')
    .filter((line) => !line.startsWith('DevTools'));
  for (const [index, { names }] of REFUSED_CALLS.entries()) expect(lines[index]).toContain(names);
});

test('a name that electron exports and the stand-in does not fails at the import', async ({ launch, userData }) => {
  const main = await writeMain(userData, 'app, Menu', 'Menu');
  await expect(launch({ main })).rejects.toThrow(/does not provide an export named 'Menu'/);
});

test('a main module that awaits readiness at its top level never gets it', async ({ launch, userData }) => {
  const main = join(userData, 'main.mjs');
  await writeFile(main, "import { app } from 'electron';\nawait app.whenReady();\n");
  await expect(launch({ main })).rejects.toThrow(/unsettled top-level await .*main\.mjs:2/);
});

test('the main process reports the simulated Electron version', async ({ launch, userData }) => {
  const body = "console.log(process.type + ' ' + process.versions.electron)";
  const main = await writeMain(userData, 'app', body);
  for (const [env, version] of [
    [{}, '45.4.1'],
    [{ STAND_IN_ELECTRON: '41.2.0' }, '41.2.0'],
  ] as const) {
    const app = await launch({ main, env });
    await expect.poll(() => app.output()).toContain(`browser ${version}\n`);
    await app.kill();
  }
});

/** Returns the processes whose command line contains a text. */
function findProcesses(text: string): string[] {
  return execFileSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.includes(text));
}

test('a utility process gets its arguments, and ends with the main process, however that ends', async ({
  launch,
  userData,
}) => {
  test.skip(process.platform === 'win32', 'processes are counted with ps, which Windows does not have');
  await mkdir(userData, { recursive: true });
  const child = join(userData, 'child.mjs');
  const seen =
    '[process.type, process.versions.electron, process.argv.slice(1), process.env.ONLY, process.env.HOME, process.cwd(), process.execArgv.at(-1)]';
  await writeFile(child, `console.log(JSON.stringify(${seen})); setInterval(() => {}, 1000);`);
  const options = `{ env: { ONLY: 'this' }, cwd: ${JSON.stringify(userData)}, execArgv: ['--no-deprecation'], stdio: 'pipe', serviceName: 's' }`;
  const fork = `utilityProcess.fork(${JSON.stringify(child)}, ['one'], ${options})`;
  await writeFile(join(userData, 'busy.mjs'), 'for (;;);');
  for (const [name, end] of Object.entries({
    killed: '',
    exit: 'process.exit(3)',
    busy: `utilityProcess.fork(${JSON.stringify(join(userData, 'busy.mjs'))}).on('spawn', () => app.exit())`,
  })) {
    const heard = `(text) => { console.log(String(text)); ${end} }`;
    const body = `const it = ${fork}; console.log(it.pid + ' ' + it.kill()); it.stdout.on('data', ${heard})`;
    const app = await launch({ main: await writeMain(userData, 'app, utilityProcess', body) });
    await expect.poll(() => app.output()).toContain('undefined false\n');
    const expected = ['utility', '45.4.1', [child, 'one'], 'this', null, userData, '--no-deprecation'];
    await expect.poll(() => app.output(), { message: name }).toContain(JSON.stringify(expected));
    if (name === 'killed') {
      expect(findProcesses(child)).toHaveLength(1);
      await app.kill();
    } else await app.closed;
    await expect.poll(() => findProcesses(userData), { message: name }).toEqual([]);
  }
});

test('an error thrown by a request’s listener is an uncaught exception', async ({ launch, userData }) => {
  await using origin = await startOrigin((_request, response) => response.end('here'));
  const main = await writeMain(
    userData,
    'app, net',
    `const asked = net.request({ url: '${origin.url}/', bypassCustomProtocolHandlers: true });
    asked.on('error', (error) => console.log('an event: ' + error.message));
    asked.on('response', () => { throw new Error('thrown by a listener'); });
    await new Promise((resolve) => setTimeout(resolve, 2000));
    asked.end();
    await new Promise((resolve) => setTimeout(resolve, 5000))`,
  );
  const app = await launch({ main });
  await app.closed;
  expect(app.output()).toContain('Error: thrown by a listener');
  expect(app.output()).not.toContain('an event');
  expect(app.process.exitCode).toBe(1);
});

test('a scheme without corsEnabled can’t be requested by its mapped URL either', async ({ launch }) => {
  const { page } = await startContractApp(launch);
  const outcome = (method: string) =>
    page.evaluate((how) => fetch('https://x.private.stand-in/', { method: how }).catch((error) => error.name), method);
  expect([await outcome('GET'), await outcome('PUT')]).toEqual(['TypeError', 'TypeError']);
  expect(((await sendCommand(page, 'notes')) as string[]).filter((note) => note.startsWith('asked'))).toEqual([]);
});

test('an instance that quits because of another one quits before it has started, and the other one hears of it', async ({
  launch,
  userData,
}) => {
  const main = join(userData, 'main.mjs');
  const body = `
    app.on('second-instance', (event, argv, directory) => console.error(['second instance', argv.at(-1), directory].join(' ')));
    app.on('quit', (event, code) => console.error('quits with ' + code));
    if (!app.requestSingleInstanceLock()) app.quit();`;
  await writeFile(main, `import { app } from 'electron'; ${body}`);
  const first = await launch({ main });
  await expect(launch({ main, args: ['atlas://nepal'] })).rejects.toThrow('quits with 0');
  await expect.poll(() => first.output()).toContain(`second instance atlas://nepal ${process.cwd()}`);
});

test('one process per user data directory, and a dead one does not count', async ({ launch, userData }) => {
  const main = join(userData, 'main.mjs');
  const body = "if (!app.requestSingleInstanceLock()) { console.error('somebody is here'); app.exit(2); }";
  await writeFile(main, `import { app } from 'electron'; ${body}`);
  const first = await launch({ main });
  await expect(launch({ main })).rejects.toThrow('somebody is here');
  await first.kill();
  await launch({ main });
});

/** Chromium's processes of one application, by the profile they were started with. */
function findChromiumProcess(userData: string): string[] {
  const table = execFileSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' });
  return table.split('\n').filter((line) => line.includes(`--user-data-dir=${join(userData, 'Chromium')}`));
}

test('however the main process ends, Chromium ends with it', async ({ launch, userData }) => {
  test.skip(process.platform === 'win32', 'processes are counted with ps, which Windows does not have');
  const ways = [
    { name: 'killed', body: '0' },
    { name: 'exit', body: 'setTimeout(() => process.exit(3), 2000)' },
    { name: 'exception', body: "setTimeout(() => { throw new Error('at last'); }, 2000)" },
  ];
  for (const { name, body } of ways) {
    const main = await writeMain(
      userData,
      'app, BrowserWindow',
      `const window = new BrowserWindow(); await window.loadURL('data:text/html,here'); ${body}`,
    );
    const app = await launch({ main });
    await app.waitForWindow((page) => page.url().startsWith('data:'));
    expect(findChromiumProcess(userData).length, name).toBeGreaterThan(0);
    if (name === 'killed') await app.kill();
    else await app.closed;
    await expect.poll(() => findChromiumProcess(userData), { message: name }).toEqual([]);
  }
});

test('an application that fails before it is ready prints the reason', async ({ launch, userData }) => {
  await mkdir(userData, { recursive: true });
  const main = join(userData, 'main.mjs');
  await writeFile(main, "import 'electron'; console.error('no disk today'); process.exit(1);");
  await expect(launch({ main })).rejects.toThrow('no disk today');
});

test('Chromium is unpacked once, however many processes ask at the same time', async () => {
  const found = await Promise.all([findChromium(false), findChromium(false)]);
  expect(found[0]).toEqual(found[1]);
});
