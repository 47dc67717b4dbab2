import { describe, expect, it } from 'vitest';
import { describeDlopenFailure, toLoadError } from '../../main/engine/sqlite/driver.ts';
import { DiskCacheError } from '../../protocol/error.ts';

const FILE = '/app/node_modules/better-sqlite3/prebuilds/linux-x64.node';

/** What the operating systems say when they don't load a native file, and what a user should read. */
const FAILURES: readonly (readonly [what: string, system: string, ...said: string[]])[] = [
  [
    'an old glibc',
    `/lib/x86_64-linux-gnu/libc.so.6: version \`GLIBC_2.34' not found (required by ${FILE})`,
    'needs glibc 2.34 or newer',
    'Ubuntu 22.04',
    FILE,
  ],
  ['an old libstdc++', `libstdc++.so.6: version \`GLIBCXX_3.4.30' not found (required by ${FILE})`, 'GLIBCXX_3.4.30'],
  [
    'a file for another processor on macOS',
    `dlopen(${FILE}, 0x0001): (mach-o file, but is an incompatible architecture (have 'x86_64', need 'arm64'))`,
    'another platform than',
  ],
  ['a file for another system', `${FILE}: invalid ELF header`, 'another platform than'],
  [
    'a file for another processor on Windows',
    `\\\\?\\C:\\app\\win32-arm64.node is not a valid Win32 application.`,
    'another platform than',
  ],
  [
    'an unsigned file',
    `dlopen(${FILE}, 0x0001): code signature in <…> not valid for use in process: mapping process and mapped file (non-platform) have different Team IDs`,
    'sign it with the application',
  ],
  [
    'a file for musl on a system of glibc',
    'libc.musl-x86_64.so.1: cannot open shared object file: No such file or directory',
    'made for another platform than',
    'name the platform in the plugin',
  ],
  [
    'anything else',
    `${FILE}: cannot open shared object file: Permission denied`,
    'could not be loaded',
    'Permission denied',
  ],
];

describe('a native file that is not loaded', () => {
  it.each(FAILURES)('because of %s is explained, with the words of the system', (_what, system, ...said) => {
    const described = describeDlopenFailure(system);
    for (const words of [...said, system]) expect(described).toContain(words);
    expect(described).not.toMatch(/reinstall/);
  });

  it('is UNSUPPORTED_VERSION, with what was thrown as the cause', () => {
    const cause = Object.assign(new Error(FAILURES[0]![1]), { code: 'ERR_DLOPEN_FAILED' });
    const error = toLoadError(cause);
    expect(error).toBeInstanceOf(DiskCacheError);
    expect(error).toMatchObject({ code: 'UNSUPPORTED_VERSION', cause });
  });
});

describe('what is not there', () => {
  it('better-sqlite3 is named, with where it should be', () => {
    const cause = Object.assign(new Error("Cannot find module 'better-sqlite3'\nRequire stack:\n- /x"), {
      code: 'MODULE_NOT_FOUND',
    });
    expect(toLoadError(cause)).toMatchObject({
      code: 'BAD_OPTION',
      message: expect.stringMatching(/better-sqlite3.*npm install/s),
    });
  });

  it('its native file is named, with the platform', () => {
    const cause = Object.assign(new Error("Cannot find module '/app/build/Release/better_sqlite3.node'"), {
      code: 'MODULE_NOT_FOUND',
    });
    const message = expect.stringContaining(`no native file for ${process.platform}-${process.arch}`);
    expect(toLoadError(cause)).toMatchObject({ code: 'BAD_OPTION', message });
  });
});

it('what SQLite throws passes through', () => {
  const error = Object.assign(new Error('disk I/O error'), { code: 'SQLITE_IOERR' });
  expect(toLoadError(error)).toBe(error);
});
