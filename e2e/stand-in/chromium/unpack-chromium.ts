import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** An executable that starts on this machine, and the environment it needs for that. */
export interface ChromiumExecutable {
  readonly path: string;
  readonly env: Readonly<Record<string, string>>;
}

const require = createRequire(import.meta.url);

/**
 * The headless Chromium of `@sparticuz/chromium`, unpacked once (2 s) into `node_modules/.cache`.
 * Invariant: the directory appears completely or not at all, even if several processes unpack at the same time.
 * @throws Error in one line when this machine lacks libraries that the package does not carry either.
 */
export async function unpackChromium(): Promise<ChromiumExecutable> {
  const home = dirname(dirname(fileURLToPath(import.meta.resolve('@sparticuz/chromium'))));
  const { version } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as { version: string };
  const cache = join(
    dirname(dirname(dirname(require.resolve('playwright-core/package.json')))),
    'node_modules',
    '.cache',
    'deskcache',
  );
  const directory = join(cache, `chromium-${version}`);
  if (!existsSync(directory)) {
    mkdirSync(cache, { recursive: true });
    const draft = mkdtempSync(join(cache, 'draft-'));
    try {
      await unpackInto(draft, join(home, 'bin'));
      writeFileSync(join(draft, 'env.json'), JSON.stringify(findEnvironment(draft)));
      if (!existsSync(directory)) renameSync(draft, directory);
    } finally {
      rmSync(draft, { recursive: true, force: true });
    }
  }
  const names = JSON.parse(readFileSync(join(directory, 'env.json'), 'utf8')) as Record<string, string>;
  const env = Object.fromEntries(Object.entries(names).map(([name, folder]) => [name, join(directory, folder)]));
  return { path: join(directory, 'chromium'), env };
}

/** The package unpacks into the temporary directory, which it looks up at each call before its first wait. */
async function unpackInto(directory: string, bin: string): Promise<void> {
  const { default: chromium, inflate } = await import('@sparticuz/chromium');
  const before = process.env['TMPDIR'];
  process.env['TMPDIR'] = directory;
  const work = [chromium.executablePath(), inflate(join(bin, 'al2023.tar.br'))];
  if (before === undefined) delete process.env['TMPDIR'];
  else process.env['TMPDIR'] = before;
  await Promise.all(work);
  const fonts = `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>
    <dir prefix="relative">fonts</dir><dir>/usr/share/fonts</dir><dir prefix="xdg">fonts</dir></fontconfig>`;
  writeFileSync(join(directory, 'fonts', 'fonts.conf'), fonts);
}

/** Folders, relative to the unpacked package, that variables must name so that Chromium starts here. */
function findEnvironment(directory: string): Record<string, string> {
  const fonts = existsSync('/etc/fonts/fonts.conf') ? {} : { FONTCONFIG_PATH: 'fonts' };
  const candidates = [fonts, { ...fonts, LD_LIBRARY_PATH: join('al2023', 'lib') }];
  let reason = '';
  for (const names of candidates) {
    const env = Object.fromEntries(Object.entries(names).map(([name, folder]) => [name, join(directory, folder)]));
    try {
      execFileSync(join(directory, 'chromium'), ['--version'], { env: { ...process.env, ...env }, stdio: 'pipe' });
      return names;
    } catch (error) {
      reason =
        String((error as { stderr?: Buffer }).stderr ?? error)
          .trim()
          .split('\n')[0] ?? '';
    }
  }
  throw new Error(`Chromium does not start on this machine: ${reason}`);
}
