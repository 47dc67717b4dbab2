import { execFile } from 'node:child_process';
import { getShimPath } from '../shim.ts';
import type { TortureReport } from '../suite.ts';

const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

/** Runs a program that prints a report; one that fails, or takes longer than `timeout`, is a fault. */
export const runProgram = (args: readonly string[], timeout = 0): Promise<TortureReport> =>
  new Promise((resolve) => {
    const env = { ...process.env, TORTURE_SHIM: getShimPath() };
    execFile(
      process.execPath,
      args,
      { encoding: 'utf8', maxBuffer: MAX_OUTPUT_BYTES, timeout, env },
      (error, stdout, stderr) => {
        if (error === null) resolve(JSON.parse(stdout));
        else resolve({ figures: NO_FIGURES, faults: [`${args[0]} ended: ${error.signal ?? ''} ${stderr}`] });
      },
    );
  });

/** Of a program that has failed itself. */
export const NO_FIGURES = 'no figures';
