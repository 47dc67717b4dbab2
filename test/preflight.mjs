// Says early and plainly what this machine lacks. Plain JavaScript, for it must run on the Node that is too old.
import { existsSync } from 'node:fs';
import { arch, platform } from 'node:process';

const SQLITE_PREBUILDS = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64', 'win32-x64', 'win32-arm64'];

function lack() {
  const machine = `${platform}-${arch}`;
  if (!SQLITE_PREBUILDS.includes(machine)) {
    return `better-sqlite3 has no prebuilt binary for ${machine}; it has them for ${SQLITE_PREBUILDS.join(', ')}.`;
  }
  if (!existsSync(new URL('../node_modules/better-sqlite3', import.meta.url))) {
    return 'The dependencies are not installed. Run: npm ci';
  }
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 22 || (major === 22 && minor < 18)) {
    return (
      `This is Node ${process.versions.node}, and the scripts need 22.18 or newer (better-sqlite3 crashes before 22.14).\n` +
      'npm ci brings a Node 24 of its own, which npm scripts use: run "npm start" or "npm test" rather than node itself,\n' +
      'and if you do, allow the install script of the package "node": npm install-scripts approve node && npm ci'
    );
  }
  return undefined;
}

const lacking = lack();
if (lacking) {
  console.error(lacking);
  process.exit(1);
}
