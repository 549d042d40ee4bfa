import { isDeepStrictEqual } from 'node:util';
import { isRecord, type JsonObject } from '../schema/types.ts';

/** `malformed`: not a list of operations (400). `unprocessable`: an operation cannot be done or a test fails (422). */
export type JsonPatchResult = { value: unknown } | { malformed: string } | { unprocessable: string };

/** Largest number of operations API servers accept in one patch. */
const MOST_OPERATIONS = 10_000;

class Unprocessable extends Error {}

/**
 * JSON patch (RFC 6902) as API servers do it: all or nothing; `replace`, `test` and `copy` take an absent member of an object
 * as one that is null, so that replacing it adds it; an operation without its value has the value null; a negative index counts
 * from the end.
 */
export function jsonPatch(target: unknown, patch: unknown): JsonPatchResult {
  if (!Array.isArray(patch) || !patch.every(isRecord)) return { malformed: 'a JSON patch is a list of operations' };
  if (patch.length > MOST_OPERATIONS)
    return { unprocessable: `a JSON patch has at most ${MOST_OPERATIONS} operations` };
  try {
    return { value: patch.reduce<unknown>((value, operation) => operate(value, operation), structuredClone(target)) };
  } catch (error) {
    if (error instanceof Unprocessable) return { unprocessable: error.message };
    throw error;
  }
}

function operate(root: unknown, operation: JsonObject): unknown {
  const { op, value } = operation;
  const path = pointer(operation, 'path');
  switch (op) {
    case 'add':
      return put(root, path, structuredClone(value ?? null), 'insert');
    case 'replace':
      return put(root, path, structuredClone(value ?? null), 'replace');
    case 'remove':
      return removeAt(root, path);
    case 'test':
      if (!isDeepStrictEqual(read(root, path) ?? null, value ?? null))
        throw new Unprocessable(`testing value ${text(path)} failed`);
      return root;
    case 'copy':
      return put(root, path, structuredClone(read(root, pointer(operation, 'from')) ?? null), 'insert');
    case 'move': {
      const from = pointer(operation, 'from');
      const moved = read(root, from);
      return put(removeAt(root, from), path, moved, 'insert');
    }
    default:
      throw new Unprocessable(`unexpected kind of operation: ${JSON.stringify(op)}`);
  }
}

function pointer(operation: JsonObject, field: 'path' | 'from'): string[] {
  const written = operation[field];
  if (typeof written !== 'string') throw new Unprocessable(`operation ${String(operation['op'])} misses its ${field}`);
  if (written === '') return [];
  if (!written.startsWith('/')) throw new Unprocessable(`${field} "${written}" does not start with "/"`);
  return written
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

const text = (path: string[]): string => `/${path.join('/')}`;
const missing = (path: string[]): Unprocessable => new Unprocessable(`path ${text(path)} does not exist`);

/** The list or object that holds the last element of a path. */
function holderOf(root: unknown, path: string[]): unknown[] | JsonObject {
  let at = root;
  for (const part of path.slice(0, -1)) {
    if (Array.isArray(at)) at = at[indexIn(at.length, part, path)];
    else if (isRecord(at) && Object.hasOwn(at, part)) at = at[part];
    else throw missing(path);
  }
  if (!Array.isArray(at) && !isRecord(at)) throw missing(path);
  return at;
}

/** The index a path names in a list of `length` places. */
function indexIn(length: number, part: string, path: string[]): number {
  const index = /^-?(0|[1-9]\d*)$/.test(part) ? Number(part) : Number.NaN;
  const from = index < 0 ? index + length : index;
  if (!(from >= 0 && from < length)) throw missing(path);
  return from;
}

function read(root: unknown, path: string[]): unknown {
  if (path.length === 0) return root;
  const holder = holderOf(root, path);
  const last = path.at(-1) as string;
  return Array.isArray(holder) ? holder[indexIn(holder.length, last, path)] : holder[last];
}

/** Sets a value in a private copy of the document. */
function put(root: unknown, path: string[], value: unknown, how: 'insert' | 'replace'): unknown {
  if (path.length === 0) return value;
  const holder = holderOf(root, path);
  const last = path.at(-1) as string;
  if (!Array.isArray(holder)) holder[last] = value;
  else if (how === 'replace') holder[indexIn(holder.length, last, path)] = value;
  else if (last === '-') holder.push(value);
  else holder.splice(indexIn(holder.length + 1, last, path), 0, value);
  return root;
}

function removeAt(root: unknown, path: string[]): unknown {
  if (path.length === 0) throw new Unprocessable('the whole document cannot be removed');
  const holder = holderOf(root, path);
  const last = path.at(-1) as string;
  if (Array.isArray(holder)) holder.splice(indexIn(holder.length, last, path), 1);
  else if (Object.hasOwn(holder, last)) delete holder[last];
  else throw missing(path);
  return root;
}
