import { deskcache } from 'deskcache/vite';
import { defineConfig } from 'vite';

// Forge packs the folder .vite and no node_modules, so everything must be in the bundle or next to it. The plugin adds the files that
// deskcache needs at run time: its preload script, the utility process, SQLite.
export default defineConfig({ plugins: [deskcache()] });
