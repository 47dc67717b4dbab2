import react from '@vitejs/plugin-react';
import { deskcache } from 'deskcache/vite';
import { defineConfig } from 'electron-vite';

export default defineConfig({
  main: {
    // Copies the files that deskcache needs at run time next to the bundle: its preload script, the utility process, SQLite.
    plugins: [deskcache()],
  },
  renderer: {
    plugins: [react()],
  },
});
