import { redactDirectories } from '../../protocol/redaction.ts';
import type { Finding } from '../../protocol/results.ts';

/** Returns a finding without paths, for a page. */
export function toPageFinding({ message, path, ...finding }: Finding): Finding {
  const shown = { ...finding, message: redactDirectories(message) };
  return path === undefined ? shown : { ...shown, path: redactDirectories(path) };
}
