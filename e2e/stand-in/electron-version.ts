/** The version that is played by default, which is that of the declarations in `node_modules/electron`. */
const DEFAULT_VERSION = '45.4.1';

/** The version of Electron that this run plays: `STAND_IN_ELECTRON=41.0.0` plays an older one. */
const getElectronVersion = (): string => process.env['STAND_IN_ELECTRON'] ?? DEFAULT_VERSION;

/** Gives `process` what Electron adds to Node's. */
export function emulateElectron(type: 'browser' | 'utility'): void {
  const versions = Object.freeze({ ...process.versions, electron: getElectronVersion() });
  Object.defineProperty(process, 'versions', { value: versions, enumerable: true, configurable: true });
  Object.defineProperty(process, 'type', { value: type, enumerable: true, configurable: true });
}

/** The first minor release, by major, whose handlers get `request.initiatorOrigin` (electron/electron#53685); later majors always do. */
const FIRST_MINOR: Readonly<Record<number, number>> = { 43: 7, 44: 4 };

/** Whether `request.initiatorOrigin` exists in this version. */
export function hasInitiatorOrigin(version = getElectronVersion()): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major >= 45 || minor >= (FIRST_MINOR[major] ?? Number.POSITIVE_INFINITY);
}
