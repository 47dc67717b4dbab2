/** The folder of the built page, and the URL of the development server. */
import { join } from 'node:path';
import { app } from 'electron';

// From the folder of package.json, which is app.asar when packaged: the same for ES modules and CommonJS.
export const PAGE_FOLDER = join(app.getAppPath(), '.vite/renderer', MAIN_WINDOW_VITE_NAME);
// Forge defines it during development only, although its type says otherwise.
export const DEV_SERVER_URL: string | undefined = MAIN_WINDOW_VITE_DEV_SERVER_URL;
