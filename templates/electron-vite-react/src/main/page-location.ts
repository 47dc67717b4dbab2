/** The folder of the built page, and the URL of the development server. */
import { join } from 'node:path';
import { app } from 'electron';

// From the folder of package.json, which is app.asar when packaged: the same for ES modules and CommonJS.
export const PAGE_FOLDER = join(app.getAppPath(), 'out/renderer');
export const DEV_SERVER_URL = app.isPackaged ? undefined : process.env.ELECTRON_RENDERER_URL;
