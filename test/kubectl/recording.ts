import { join } from 'node:path';

const FOLDER = join(import.meta.dirname, 'recorded');

/** Where the recording of a kubectl's minor version is: what it prints, it prints itself, and other versions print other words. */
export const recordingOf = (version: string): string => join(FOLDER, `kubectl-${version}.txt`);

/** How a recording is made, with the kubectl on PATH or the one TMC_KUBECTL names. */
export const RECORD = 'TMC_RECORD=1 npm run test:real -- kubectl';
