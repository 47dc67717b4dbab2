import react from '@vitejs/plugin-react';
import { deskcache } from 'deskcache/vite';
import { defineConfig } from 'electron-vite';

export default defineConfig({
  main: {
    // The plugin puts what deskcache needs at run time beside the bundle: its preload script, the utility process, SQLite.
    plugins: [deskcache()],
  },
  renderer: {
    plugins: [react()],
  },
});
