#!/usr/bin/env node
/** The command `deskcache`. */
import { readFileSync } from 'node:fs';
import { runCommand } from './program.ts';

const interrupt = new AbortController();
process.once('SIGINT', () => interrupt.abort());
process.stdout.on('error', () => {});

// Seen from dist/cli.js.
const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

const { stdin, stdout, stderr, env } = process;
process.exitCode = await runCommand(
  process.argv.slice(2),
  { stdin, stdout, stderr, env, interrupt: interrupt.signal },
  version,
);
