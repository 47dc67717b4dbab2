import type { AppHandle, LaunchOptions } from './app-handle.ts';
import { launchElectron } from './launch-electron.ts';
import { launchShim } from './launch-shim.ts';

export { findElectron } from './find-electron.ts';

/** Starts the application in one of the two shells. @throws Error in one line when that shell can't run here. */
export function launch(options: LaunchOptions): Promise<AppHandle> {
  return options.shell === 'electron' ? launchElectron(options) : launchShim(options);
}
