import { execFile } from 'node:child_process';
import { dirname, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { findPython } from './emulators/python.ts';

/** The unit tests of LocalStack's plugin need a Python of its age, but not LocalStack. */
const PLUGIN = resolve(import.meta.dirname, 'emulators/localstack/plugin');
const python = await findPython(['3.13', '3.12', '3.11', '3.10']);
if (!python)
  console.warn('SKIPPED: the tests of the LocalStack plugin: no Python 3.10 to 3.13 is on PATH or under pyenv');

it.skipIf(!python)('the plugin of LocalStack passes its own tests', { timeout: 120_000 }, async () => {
  const PATH = `${dirname(process.execPath)}:/usr/bin:/bin`;
  const args = ['-m', 'unittest', 'discover', '-s', 'tests', '-t', '.'];
  const options = { cwd: PLUGIN, env: { PATH, PYTHONDONTWRITEBYTECODE: '1' } };
  const { stderr } = await promisify(execFile)(python ?? '', args, options);
  expect(stderr).toMatch(/Ran \d\d tests in [\d.]+s\n\nOK\n$/);
});
