import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';

/** Reads until this process is gone, then ends the other one and deletes its folder. */
const WATCH = 'read -r _; kill -9 "$1"; [ -z "$2" ] || rm -rf -- "$2"';

/**
 * SIGKILLs a child once this process has ended, however it did: by a signal, which skips exit handlers, or by SIGKILL. A shell watches
 * the end of a pipe that only this process holds; it is in a session of its own, so that Ctrl-C does not end it first, and goes with the child.
 * @param folder of the child alone, deleted when the child is killed; who ends the child otherwise deletes it
 */
export function endWithParent(child: ChildProcess, folder = ''): void {
  if (child.pid === undefined) return;
  const watcher = spawn('sh', ['-c', WATCH, 'sh', String(child.pid), folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  watcher.unref();
  (watcher.stdin as Socket).unref();
  // Gone already, like the child it watched.
  watcher.on('error', () => undefined);
  child.once('exit', () => watcher.kill('SIGKILL'));
}
