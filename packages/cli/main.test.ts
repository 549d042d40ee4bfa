import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

/** The command line of `tmc`, as a process: what it prints where, and its exit codes. */
function tmc(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const command = ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'main.ts'), ...args];
  return new Promise((settle) => {
    execFile(process.execPath, command, (error, stdout, stderr) => {
      settle({ code: Number(error?.code ?? 0), stdout, stderr });
    });
  });
}

describe('tmc', () => {
  it('--help names the commands, --version the version of the project', async () => {
    const help = await tmc('--help');
    expect(help).toMatchObject({ code: 0, stderr: '' });
    expect(help.stdout).toMatch(/^ {2}run /m);
    expect(help.stdout).toMatch(/^ {2}relay /m);
    for (const name of ['redrive', 'install', 'simulate', 'demo']) {
      expect(help.stdout).toMatch(new RegExp(`^ {2}${name} `, 'm'));
    }
    const root = join(import.meta.dirname, '..', '..', 'package.json');
    const { version } = JSON.parse(readFileSync(root, 'utf8')) as { version: string };
    expect(await tmc('--version')).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  it('run --help shows its option and where it is explained', async () => {
    const { code, stdout } = await tmc('run', '--help');
    expect(code).toBe(0);
    expect(stdout).toContain('--config <file>');
    expect(stdout).toContain('docs/operations/embedded.md');
  });

  it('redrive --help says that it is for deployments, and which rights it needs', async () => {
    const { stdout } = await tmc('redrive', '--help');
    expect(stdout).toContain('For deployments only: the embedded host');
    for (const action of ['ReceiveMessage', 'DeleteMessage', 'ChangeMessageVisibility', 'SendMessage']) {
      expect(stdout).toContain(`sqs:${action}`);
    }
  });

  it.each([
    [['nonsense'], "unknown command 'nonsense'"],
    [['run', '--colour', 'red'], "unknown option '--colour'"],
    [['run', '--config'], "option '--config <file>' argument missing"],
    [['run', 'tmc.yaml'], 'too many arguments'],
    [['redrive', 'sync'], "required option '--deployment <file>' not specified"],
    [['relay', '--queue'], "unknown option '--queue'"],
    [[], 'Usage: tmc'],
  ])('%j is wrong usage: 2, and the reason on standard error', async (args, reason) => {
    const { code, stdout, stderr } = await tmc(...args);
    expect(code).toBe(2);
    expect(stderr).toContain(reason);
    expect(stdout).toBe('');
  });

  it('a failure is 1, with what to do and no stack trace', async () => {
    const { code, stderr } = await tmc('run', '--config', join(import.meta.dirname, 'nowhere.yaml'));
    expect(code).toBe(1);
    expect(stderr).toMatch(/^cannot read the configuration .*nowhere\.yaml.*\nWhat to do: give the path of a file/);
    expect(stderr).not.toMatch(/\n +at /);
  });
});
