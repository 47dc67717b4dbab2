import type * as Electron from 'electron';
import type { Mirror } from '../mirror.ts';
import { onlyKnown, strictly } from '../strict.ts';
import { app } from './app.ts';
import { UtilityProcess } from './utility-process.ts';

const fork: Mirror<typeof Electron.utilityProcess, 'fork'>['fork'] = (modulePath, args = [], options = {}) => {
  if (!app.isReady()) throw new Error('utilityProcess cannot be created before app is ready.');
  onlyKnown('utilityProcess.fork', options, ['serviceName', 'env']);
  return new UtilityProcess(modulePath, args, options);
};

export const utilityProcess = strictly('utilityProcess', { fork });
