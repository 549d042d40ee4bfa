import { type ChildProcess, fork } from 'node:child_process';
import { resolve } from 'node:path';

export type ChildOptions = { readonly args?: readonly string[]; readonly nodeFlags?: readonly string[] };

/** A script of this folder in a process of its own, spoken with by messages; it ends when this process does. */
export function startChild(script: string, { args = [], nodeFlags = [] }: ChildOptions = {}): ChildProcess {
  return fork(resolve(import.meta.dirname, script), [...args], {
    execArgv: ['--disable-warning=ExperimentalWarning', ...nodeFlags],
    serialization: 'advanced',
  });
}

/** The next message of a child. @throws Error when it ends before it says anything. */
export function nextMessage<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null) => reject(new Error(`${child.spawnargs.at(-1)} ended with ${code}`));
    child.once('exit', ended);
    child.once('message', (message) => {
      child.off('exit', ended);
      resolve(message as T);
    });
  });
}

/** Asks a child to end and waits until it did. */
export function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((settle) => {
    child.once('exit', () => settle());
    child.kill('SIGTERM');
  });
}
