import type { Log } from '@tmc/adapters/lambda/telemetry.ts';
import { OWNER_LABEL, SOURCE_VERSION_ANNOTATION } from '@tmc/apis/names.ts';
import type { ApiObject } from '@tmc/kubesim/index.ts';
import type { Server } from './server.ts';
import { TARGETS } from './targets.ts';

/** What happened in a run that its end does not show: versions that fell, writes, and what functions said. */
export class Journal {
  readonly violations: string[] = [];
  /** Writes of hub, members and table so far; signs of life in the table are left out. */
  writes = 0;
  lastWrite = 'none';
  readonly #lines: string[] = [];
  readonly #now: () => number;
  readonly #startMs: number;

  constructor(now: () => number) {
    this.#now = now;
    this.#startMs = now();
  }

  readonly log: Log = {
    debug: (fields, message) => this.#line('debug', fields, message),
    info: (fields, message) => this.#line('info', fields, message),
    warn: (fields, message) => this.#line('warn', fields, message),
    error: (fields, message) => this.#line('error', fields, message),
  };

  /** The last lines, for the report of a failure. */
  tail(lines: number): readonly string[] {
    return this.#lines.slice(-lines);
  }

  note(text: string): void {
    this.#lines.push(`${((this.#now() - this.#startMs) / 1000).toFixed(3)} ${text}`);
  }

  tableWrite(key: string): void {
    if (key.endsWith(' / SEEN')) return;
    this.#wrote(`table ${key}`);
  }

  /** Watches everything a server stores. */
  follow(server: Server): void {
    server.store.subscribe(undefined, ({ type, storage, namespace, name, obj }) => {
      this.#wrote(`${server.name} ${type} ${storage} ${namespace}/${name}@${obj.metadata.resourceVersion}`);
    });
  }

  /** A recorded source version may only grow while its copy lives: each copy is written by whoever knows more. */
  followVersions(member: Server): void {
    member.store.subscribe(undefined, ({ type, storage, namespace, name, obj, prev }) => {
      if (type !== 'MODIFIED' || !isCopy(obj)) return;
      const before = revisionOf(prev);
      const after = revisionOf(obj);
      if (before === undefined || after === undefined || after >= before) return;
      this.violations.push(
        `${member.name}: ${storage} ${namespace}/${name} went back from version ${before} to ${after}`,
      );
    });
  }

  #wrote(what: string): void {
    this.writes += 1;
    this.lastWrite = what;
    this.note(`wrote ${what}`);
  }

  #line(level: string, fields: Record<string, unknown>, message: string): void {
    // A crash or time limit fails a batch; a handler that fails by itself is a bug.
    if (level === 'error' && !message.startsWith('batch failed')) {
      this.violations.push(`${message}: ${JSON.stringify(fields)}`);
    }
    this.note(`${level} ${message} ${JSON.stringify(fields)}`);
  }
}

const OWNERS = new Set(TARGETS.map(({ key }) => key));
export const isCopy = (obj: ApiObject): boolean => OWNERS.has(obj.metadata.labels?.[OWNER_LABEL] ?? '');

/** The resourceVersion a copy says it was made from. */
function revisionOf(copy: ApiObject | undefined): bigint | undefined {
  const text = copy?.metadata.annotations?.[SOURCE_VERSION_ANNOTATION]?.split('/').at(-1);
  return text === undefined || !/^\d+$/.test(text) ? undefined : BigInt(text);
}
