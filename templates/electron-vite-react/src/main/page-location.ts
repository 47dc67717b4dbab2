/** Where the build tool puts the page, and where its server has it while developing. */
import { join } from 'node:path';
import { app } from 'electron';

// From the folder of package.json, which is app.asar when packaged: the same for ES modules and CommonJS.
export const PAGE_FOLDER = join(app.getAppPath(), 'out/renderer');
export const DEV_SERVER_URL = app.isPackaged ? undefined : process.env.ELECTRON_RENDERER_URL;
