/**
 * Reads a stack trace of a deployed function on standard input and prints it with the positions of the sources:
 * `npm run trace [FOLDER] < trace.txt`. The maps are those beside the bundles, in `dist/functions` unless another folder is named:
 * run `npm run bundle` on the revision that was deployed first.
 */
import { existsSync, readFileSync } from 'node:fs';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { join, relative, resolve } from 'node:path';
import { text } from 'node:stream/consumers';

const root = resolve(import.meta.dirname, '..');
const maps = resolve(process.argv[2] ?? join(root, 'dist', 'functions'));
const loaded = new Map<string, SourceMap | undefined>();

/** The source map of a bundle by its file name; undefined when none was built. */
function mapOf(bundle: string): SourceMap | undefined {
  if (!loaded.has(bundle)) {
    const path = join(maps, `${bundle}.map`);
    const exists = existsSync(path);
    if (!exists) console.error(`there is no ${path}: run npm run bundle on the revision that was deployed`);
    loaded.set(bundle, exists ? new SourceMap(JSON.parse(readFileSync(path, 'utf8')) as SourceMapPayload) : undefined);
  }
  return loaded.get(bundle);
}

const trace = await text(process.stdin);
const resolved = trace.replace(
  /(?:file:\/\/)?[^\s()"]*?([\w-]+\.mjs):(\d+):(\d+)/g,
  (position, bundle, line, column) => {
    const origin = mapOf(bundle)?.findOrigin(Number(line), Number(column));
    if (origin === undefined || !('fileName' in origin)) return position;
    return `${relative(root, resolve(maps, origin.fileName))}:${origin.lineNumber}:${origin.columnNumber}`;
  },
);
// Logs hold a trace as JSON, its lines escaped.
process.stdout.write(resolved.replaceAll('\\n', '\n'));
