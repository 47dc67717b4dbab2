const NATIVE_FILE = 'The native file of better-sqlite3';

/** What loaders of shared libraries say, and what it means for a user of the application. */
const MEANINGS: readonly (readonly [pattern: RegExp, explain: (match: RegExpMatchArray) => string])[] = [
  [
    /version [`']GLIBC_([\d.]+)' not found/,
    ([, wanted]) =>
      `needs glibc ${wanted} or newer${installedGlibc()}; it runs on Ubuntu 22.04, Debian 12, Fedora 35, RHEL 9 and newer`,
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

/** Returns why the operating system did not load the native file, in words that say what to do; the system's own words are at the end. */
export function describeDlopenFailure(message: string): string {
  for (const [pattern, explain] of MEANINGS) {
    const match = message.match(pattern);
    if (match) return `${NATIVE_FILE} ${explain(match)} (${message})`;
  }
  return `${NATIVE_FILE} could not be loaded: ${message}`;
}

function installedGlibc(): string {
  // Node's types don't know this property.
  const report: NodeJS.ProcessReport & { excludeNetwork?: boolean } = process.report;
  const { excludeNetwork = false } = report;
  // To look up the network's names takes long.
  report.excludeNetwork = true;
  try {
    const { header } = report.getReport() as { readonly header?: { readonly glibcVersionRuntime?: string } };
    return header?.glibcVersionRuntime === undefined ? '' : `, and this system has ${header.glibcVersionRuntime}`;
  } finally {
    report.excludeNetwork = excludeNetwork;
  }
}
