import { getGlibcVersion } from '../glibc-version.ts';

const NATIVE_FILE = 'The native file of better-sqlite3';

/** Messages of the systems' loaders of shared libraries, and what they mean for the user of an application. */
const MEANINGS: readonly (readonly [pattern: RegExp, explain: (match: RegExpMatchArray) => string])[] = [
  [
    /version [`']GLIBC_([\d.]+)' not found/,
    ([, wanted]) =>
      `needs glibc ${wanted} or newer${describeInstalledGlibc()}; it runs on Ubuntu 22.04, Debian 12, Fedora 35, RHEL 9 and newer`,
  ],
  [
    /version [`'](GLIBCXX_[\d.]+|CXXABI_[\d.]+)' not found/,
    ([, wanted]) => `needs a newer libstdc++ (${wanted}); update the system`,
  ],
  [
    /incompatible architecture|wrong ELF class|invalid ELF header|not a valid Win32 application|Exec format error|libc\.musl/i,
    () =>
      `is made for another platform than ${process.platform}-${process.arch}; name the platform in the plugin that copies it, or in the installer`,
  ],
  [
    /code signature|not valid for use in process|Team ID/i,
    () =>
      'is not signed as the application is; sign it with the application, or give it the entitlement com.apple.security.cs.disable-library-validation',
  ],
];

/** Returns why the operating system did not load the native file and what to do about it, followed by the system's own message. */
export function describeDlopenFailure(message: string): string {
  for (const [pattern, explain] of MEANINGS) {
    const match = message.match(pattern);
    if (match) return `${NATIVE_FILE} ${explain(match)} (${message})`;
  }
  return `${NATIVE_FILE} could not be loaded: ${message}`;
}

function describeInstalledGlibc(): string {
  const version = getGlibcVersion();
  return version === undefined ? '' : `, and this system has ${version}`;
}
