import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = resolve(import.meta.dirname, '../..');

/** One safeguard of the relay taken out: `line` of `file`, which must be there once, becomes `instead`. */
export type Mutant = { readonly file: string; readonly line: string; readonly instead: string };

/** Each of these makes the relay lose or invent something; the simulation must notice. */
export const MUTANTS: Readonly<Record<string, Mutant>> = {
  'the checkpoint does not wait for acknowledgements': {
    file: 'packages/relay/checkpoint.ts',
    line: 'const safe = kept.tracker.safe;',
    instead: 'const safe = kept.tracker.head;',
  },
  'anti-entropy compares counts only': {
    file: 'packages/relay/anti-entropy.ts',
    line: ' && first.digest.value === inventory.digest.value',
    instead: '',
  },
  'a checkpoint counts in every epoch': {
    file: 'packages/relay/checkpoint.ts',
    line: 'checkpoint?.epoch === epoch',
    instead: 'checkpoint !== undefined',
  },
  'the first page of a list counts as all of it': {
    file: 'packages/relay/initial-list.ts',
    line: 'last = revision;',
    instead: 'last = revision; break;',
  },
  'one reading of a kind frees the claims of another': {
    file: 'packages/relay/outbox.ts',
    line: '({ tracker }) => tracker === hold.tracker',
    instead: '() => true',
  },
  'the outbox takes whatever comes': {
    file: 'packages/relay/outbox.ts',
    line: 'return this.#bytes + more <= maxBytes &&',
    instead: 'return true ||',
  },
  'no list marks are sent': {
    file: 'packages/relay/readers.ts',
    line: 'if (first && this.#options.isMarked(reader.resource)) await this.#mark(reader, told);',
    instead: '',
  },
};

/** The simulation's worker in one file, with the relay changed, or as it is. @throws when the line is not there exactly once. */
export async function bundleWorker(directory: string, name: string, mutant?: Mutant): Promise<URL> {
  const outfile = join(directory, `${name}.mjs`);
  let found = 0;
  await build({
    entryPoints: [join(root, 'test/sim/worker.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    logLevel: 'warning',
    banner: { js: "import{createRequire as r}from'node:module';const require=r(import.meta.url);" },
    plugins: [
      {
        name: 'mutant',
        setup({ onLoad }) {
          onLoad({ filter: /packages\/.*\.ts$/ }, async ({ path }) => {
            const contents = await readFile(path, 'utf8');
            if (!mutant || !path.endsWith(mutant.file)) return { contents, loader: 'ts' };
            found = contents.split(mutant.line).length - 1;
            return { contents: contents.replace(mutant.line, mutant.instead), loader: 'ts' };
          });
        },
      },
    ],
  });
  if (mutant && found !== 1) throw new Error(`"${mutant.line}" is ${found} times in ${mutant.file}, not once`);
  return pathToFileURL(outfile);
}
