/**
 * Paths of keys that stand twice in one object of a JSON text, such as `data.k`; the last one wins when parsing. The text must
 * be valid JSON.
 */
export function findDuplicateKeys(json: string): string[] {
  const scan: Scan = { json, at: 0, found: [] };
  scanValue(scan, '');
  return scan.found;
}

interface Scan {
  json: string;
  at: number;
  found: string[];
}

const STRING = /"(?:[^"\\]|\\.)*"/y;
const OTHER = /[^\s,\]}]+/y;
const SPACE = /[\s,:]*/y;

const skip = (scan: Scan): string | undefined => {
  take(scan, SPACE);
  return scan.json[scan.at];
};

function take(scan: Scan, pattern: RegExp): string {
  pattern.lastIndex = scan.at;
  const text = pattern.exec(scan.json)?.[0] ?? '';
  scan.at += text.length;
  return text;
}

function scanValue(scan: Scan, path: string): void {
  const char = skip(scan);
  if (char === '{') scanObject(scan, path);
  else if (char === '[') scanList(scan, path);
  else take(scan, char === '"' ? STRING : OTHER);
}

function scanObject(scan: Scan, path: string): void {
  const seen = new Set<string>();
  scan.at++;
  while (skip(scan) === '"') {
    const name = JSON.parse(take(scan, STRING)) as string;
    const at = path ? `${path}.${name}` : name;
    if (seen.has(name)) scan.found.push(at);
    seen.add(name);
    scanValue(scan, at);
  }
  scan.at++;
}

function scanList(scan: Scan, path: string): void {
  scan.at++;
  for (let index = 0; ; index++) {
    const char = skip(scan);
    if (char === ']' || char === undefined) break;
    scanValue(scan, `${path}[${index}]`);
  }
  scan.at++;
}
