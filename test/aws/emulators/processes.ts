import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Processes and sockets of this machine, from /proc. */

const LISTEN = '0A';
/** 127.0.0.1, plain and within IPv6, and ::1, as the kernel writes them. */
const LOOPBACK = ['0100007F', '0000000000000000FFFF00000100007F', '00000000000000000000000001000000'];

/** A process and all that came from it, the process itself first. */
export function familyOf(pid: number): number[] {
  const family = [pid];
  const parents = numbered('/proc').map((one) => [one, parentOf(one)] as const);
  for (const member of family) family.push(...parents.filter(([, parent]) => parent === member).map(([one]) => one));
  return family;
}

/** Whether the process is there; a dead one that nobody has waited for is not. */
export function isRunning(pid: number): boolean {
  return !['Z', 'X', undefined].includes(stat(pid)?.[0]);
}

/** Where these processes listen: hexadecimal `address:port` as in /proc/net/tcp, apart by whether it is a loopback address. */
export function listening(pids: readonly number[]): { loopback: string[]; elsewhere: string[] } {
  const sockets = new Set(pids.flatMap(socketsOf));
  const lines = ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/net/${table}`, 'utf8').trim().split('\n').slice(1),
  );
  const addresses = lines
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === LISTEN && sockets.has(`socket:[${fields[9]}]`))
    .map((fields) => fields[1] ?? '');
  const isLoopback = (address: string) => LOOPBACK.includes(address.split(':')[0] ?? '');
  return { loopback: addresses.filter(isLoopback), elsewhere: addresses.filter((address) => !isLoopback(address)) };
}

function numbered(folder: string): number[] {
  return readdirSync(folder).map(Number).filter(Number.isInteger);
}

function parentOf(pid: number): number | undefined {
  const parent = stat(pid)?.[1];
  return parent === undefined ? undefined : Number(parent);
}

/** The fields after the name, which may have spaces; undefined for a process that is gone. */
function stat(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

function socketsOf(pid: number): string[] {
  try {
    const folder = `/proc/${pid}/fd`;
    return numbered(folder).flatMap((fd) => {
      try {
        return [readlinkSync(`${folder}/${fd}`)];
      } catch {
        return [];
      }
    });
  } catch {
    return [];
  }
}
