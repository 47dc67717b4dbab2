import { deskcache } from 'deskcache/vite';
import { defineConfig } from 'vite';

// Forge packs the folder .vite and no node_modules, so everything has to be in the bundle or beside it. The plugin puts there what
// deskcache needs at run time: its preload script, the utility process, SQLite.
export default defineConfig({ plugins: [deskcache()] });
