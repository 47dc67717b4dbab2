/** The folder of the built page. */
import { join } from 'node:path';
import { app } from 'electron';

// From the folder of package.json, which is app.asar when packaged: the same for ES modules and CommonJS.
export const PAGE_FOLDER = join(app.getAppPath(), 'out/renderer');
/** There is no development server: the page is built before each start. */
export const DEV_SERVER_URL: string | undefined = undefined;
