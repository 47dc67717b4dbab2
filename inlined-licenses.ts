import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin } from 'rolldown';

/** Packages inside one of our files keep their licenses: in a file beside it. */
export function licensesOfInlined(fileName = 'THIRD-PARTY-LICENSES.txt'): Plugin {
  return {
    name: 'licenses-of-inlined',
    generateBundle() {
      const packages = [...this.getModuleIds()].map((id) => id.match(/^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/)?.[0]);
      const texts = [...new Set(packages)].filter((folder) => folder !== undefined).map(readLicense);
      this.emitFile({ type: 'asset', fileName, source: texts.join('\n\n') });
    },
  };
}

function readLicense(folder: string): string {
  const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const file = readdirSync(folder).find((entry) => /^licen[sc]e/i.test(entry));
  if (file === undefined) throw new Error(`${folder} has no license file; what is inlined needs one`);
  return `${name} ${version}\n\n${readFileSync(join(folder, file), 'utf8').trim()}`;
}
