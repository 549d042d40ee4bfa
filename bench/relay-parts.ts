import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { build } from 'esbuild';
import { ended, startChild } from './child.ts';
import type { Look, ReaderNews, ReaderOrder } from './relay-reader.ts';
import type { SourceNews, SourceOrder } from './relay-source.ts';

type Is<T extends { is: string }, K extends T['is']> = Extract<T, { is: K }>;

/** A child that is spoken with by orders and news. */
export type Partner<Order, News extends { is: string }> = {
  /** Gives an order and waits for the news of that kind. */
  ask<K extends News['is']>(order: Order, awaited: K): Promise<Is<News, K>>;
  tell(order: Order): void;
  next<K extends News['is']>(awaited: K): Promise<Is<News, K>>;
  end(): Promise<void>;
};
export type Source = Partner<SourceOrder, SourceNews> & {
  readonly url: string;
  readonly http1Url: string;
  readonly caPem: string;
};
export type Reader = Partner<ReaderOrder, ReaderNews>;

function partner<Order extends object, News extends { is: string }>(child: ChildProcess): Partner<Order, News> {
  const next = <K extends News['is']>(awaited: K) =>
    new Promise<Is<News, K>>((resolve, reject) => {
      const gone = (code: number | null) =>
        reject(new Error(`child ended with ${code} while "${awaited}" was awaited`));
      const heard = (news: News) => {
        if (news.is !== awaited) return;
        child.off('message', heard);
        child.off('exit', gone);
        resolve(news as Is<News, K>);
      };
      child.on('message', heard);
      child.once('exit', gone);
    });
  const tell = (order: Order) => void child.send(order);
  let ending = false;
  // Whoever waits for news of another child would wait for ever.
  child.once('exit', (code, signal) => {
    if (ending) return;
    console.error(`${child.spawnargs.at(-1)} ended with ${signal ?? code}`);
    process.exit(1);
  });
  return {
    next,
    tell,
    ask: (order, awaited) => {
      const answered = next(awaited);
      tell(order);
      return answered;
    },
    end: () => {
      ending = true;
      return ended(child);
    },
  };
}

/** Starts the generator. */
export async function startSource(): Promise<Source> {
  const source = partner<SourceOrder, SourceNews>(startChild('relay-source.ts'));
  const { url, http1Url, caPem } = await source.next('serving');
  return { ...source, url, http1Url, caPem };
}

/** The reader as it would be deployed: bundled, so that no compiler for TypeScript is loaded; started as often as needed. */
export type ReaderProgram = { start(nodeFlags?: readonly string[]): Reader; remove(): void };

export async function bundleReader(): Promise<ReaderProgram> {
  const outdir = mkdtempSync(join(tmpdir(), 'relay-bench-'));
  await build({
    entryPoints: [resolve(import.meta.dirname, 'relay-reader.ts')],
    outdir,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    banner: { js: "import{createRequire as makeRequire}from'node:module';const require=makeRequire(import.meta.url);" },
    logLevel: 'error',
  });
  return {
    start: (nodeFlags = []) => partner(fork(join(outdir, 'relay-reader.mjs'), { execArgv: [...nodeFlags] })),
    remove: () => rmSync(outdir, { recursive: true, force: true }),
  };
}

/** Looks each 100 ms until what is seen satisfies. @throws Error with the reason when it takes too long. */
export async function lookUntil(
  reader: Reader,
  reason: string,
  when: (look: Look) => boolean,
  limitMs = 600_000,
): Promise<Look> {
  const endMs = performance.now() + limitMs;
  for (;;) {
    const look = await reader.ask({ do: 'look' }, 'looked');
    if (when(look)) return look;
    if (performance.now() > endMs) throw new Error(`not after ${limitMs} ms: ${reason}`);
    await pause(100);
  }
}
