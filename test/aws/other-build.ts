import { basename } from 'node:path';
import { crc32 } from 'node:zlib';
import { build } from 'esbuild';
import { bundleOptions } from '../../scripts/bundle-options.ts';

/** What the other build of a function says when it starts; in its log afterwards. */
export const SAYS = 'this is the other build';

/** The code of a function as somebody else would have built it from the same sources, in the form Lambda takes. */
export async function otherBuild(name: string, file: string): Promise<Uint8Array> {
  const options = bundleOptions([`${name}.ts`], 'unused');
  const banner = { js: `${options.banner.js}console.log(${JSON.stringify(SAYS)});` };
  const { outputFiles } = await build({ ...options, banner, write: false });
  const bundle = outputFiles.find(({ path }) => basename(path) === `${name}.mjs`);
  if (!bundle) throw new Error(`the build of ${name} made no ${name}.mjs`);
  return zipOf(file, bundle.contents);
}

const LOCAL_HEADER = 0x04034b50;
const CENTRAL_HEADER = 0x02014b50;
const END = 0x06054b50;
const VERSION = 20;
/** 1980-01-01, the first day there is. */
const DATE = 0x21;
const REGULAR_FILE = (0o100644 << 16) >>> 0;

/** A zip of one file, stored as it is. */
function zipOf(name: string, content: Uint8Array): Uint8Array {
  const path = Buffer.from(name);
  const shared = Buffer.alloc(26);
  shared.writeUInt16LE(VERSION, 0);
  shared.writeUInt16LE(DATE, 8);
  shared.writeUInt32LE(crc32(content), 10);
  shared.writeUInt32LE(content.length, 14);
  shared.writeUInt32LE(content.length, 18);
  shared.writeUInt16LE(path.length, 22);
  const local = Buffer.concat([uint32(LOCAL_HEADER), shared, path, content]);
  const place = Buffer.alloc(14);
  place.writeUInt32LE(REGULAR_FILE, 6);
  const central = Buffer.concat([uint32(CENTRAL_HEADER), Buffer.from([VERSION, 3]), shared, place, path]);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(1, 4);
  end.writeUInt16LE(1, 6);
  end.writeUInt32LE(central.length, 8);
  end.writeUInt32LE(local.length, 12);
  return Buffer.concat([local, central, uint32(END), end]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
