/** Returns the version of the system's glibc; undefined on other systems and on a Linux with musl. */
export function getGlibcVersion(): string | undefined {
  // Node's types don't know this property.
  const report: NodeJS.ProcessReport & { excludeNetwork?: boolean } = process.report;
  const { excludeNetwork = false } = report;
  // Looking up the names of the network's addresses takes long.
  report.excludeNetwork = true;
  try {
    const { header } = report.getReport() as { readonly header?: { readonly glibcVersionRuntime?: string } };
    return header?.glibcVersionRuntime;
  } finally {
    report.excludeNetwork = excludeNetwork;
  }
}
