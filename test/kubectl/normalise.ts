/**
 * Replaces in the output of kubectl what differs between servers and runs: times and ages, uids, revisions, addresses, random
 * names, paths of temporary files and the width of columns. Equal uids stay equal.
 */
export function normalise(text: string): string {
  const uids = new Map<string, string>();
  const uid = (found: string): string => {
    if (!uids.has(found)) uids.set(found, `<uid:${uids.size + 1}>`);
    return uids.get(found) as string;
  };
  return withoutManagedFields(text)
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, uid)
    .split('\n')
    .map(line)
    .join('\n');
}

const RULES: readonly [RegExp, string][] = [
  [/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, '<time>'],
  [/\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}/g, '<time>'],
  [/(resourceVersion"?: )"\d+"/g, '$1"<rv>"'],
  [/(Resource Version:\s+)\d+/g, '$1<rv>'],
  [/\b(10\.96|10\.0|10\.244|172\.\d+|198\.18)\.\d+\.\d+\b/g, '<ip>'],
  [/\b(web|extra)-[0-9a-z]{6,10}-[0-9a-z]{5}\b/g, '$1-<hash>-<id>'],
  [/\b(web|extra)-[0-9a-f]{6,10}\b|\b(web|extra)-(?=[bcdfghjklmnpqrstvwxz2456789]{6,10}\b)\S+?\b/g, '$1$2-<hash>'],
  [/(pod-template-hash["=:]+ ?"?)[0-9a-z]+/g, '$1<hash>'],
  [/(---|\+\+\+|diff -u -N) \S*\/(LIVE|MERGED)-\d+\/?.*/g, '$1 <file of $2>'],
  // A column of ages, and the same in sentences.
  [/(?<=[\s(]|^)(\d+[smhd]){1,2}(?=[\s)]|$)/g, '<age>'],
];

function line(text: string): string {
  let out = text;
  for (const [pattern, replacement] of RULES) out = out.replaceAll(pattern, replacement);
  // Columns are as wide as their widest cell; the indentation of YAML stays.
  const indent = /^ */.exec(out)?.[0] ?? '';
  return indent + out.slice(indent.length).replaceAll(/ {2,}/g, '  ').trimEnd();
}

/** Who owns which field is compared by the golden scenarios; kubectl before 1.21 shows it everywhere. */
function withoutManagedFields(text: string): string {
  const kept: string[] = [];
  let skipping: number | undefined;
  for (const row of text.split('\n')) {
    const indent = /^ */.exec(row)?.[0].length ?? 0;
    if (skipping !== undefined && (indent > skipping || (indent === skipping && /^ *[-\]]/.test(row)))) continue;
    skipping = /^ *"?(managedFields|Managed Fields)"?:/.test(row) ? indent : undefined;
    if (skipping === undefined) kept.push(row);
  }
  return kept.join('\n');
}
