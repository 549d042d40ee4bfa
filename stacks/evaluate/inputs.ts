/** How Pulumi marks values that are not plain: a key that no input has, and the kind of value under it. */
const SIGNATURE = '4dabf18193072939515e22adb298388d';
const SECRET = '1b47061264138c4ac30d75fd1eb44270';

/** Inputs as plain values: secrets opened, files and archives as `{ path }`. */
export async function plain(inputs: Record<string, unknown>): Promise<Record<string, unknown>> {
  const entries = Object.entries(inputs).map(async ([key, value]) => [key, await plainValue(value)] as const);
  return Object.fromEntries(await Promise.all(entries));
}

async function plainValue(value: unknown): Promise<unknown> {
  if (Array.isArray(value)) return Promise.all(value.map(plainValue));
  if (typeof value !== 'object' || value === null) return value;
  if ('__pulumiAsset' in value || '__pulumiArchive' in value) return { path: await (value as { path?: unknown }).path };
  const record = value as Record<string, unknown>;
  return record[SIGNATURE] === SECRET ? plainValue(record['value']) : plain(record);
}
