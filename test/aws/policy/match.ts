/** Wildcards as IAM reads them: `*` any characters, `?` exactly one. */

const escaped = (text: string): string => text.replace(/[.+^${}()|[\]\\]/g, '\\$&');
const toRegExp = (pattern: string, any: string, flags = ''): RegExp =>
  new RegExp(`^${escaped(pattern).replaceAll('?', '.').replaceAll('*', any)}$`, `s${flags}`);

/** Names of actions are the same in capitals or not. */
export function matchesAction(pattern: string, action: string): boolean {
  return toRegExp(pattern, '.*', 'i').test(action);
}

/** Text of a condition: every character counts. */
export function matchesText(pattern: string, text: string): boolean {
  return toRegExp(pattern, '.*').test(text);
}

/** A `*` at the end of a part of an ARN goes beyond the colon that follows, another one does not. */
export function matchesResource(pattern: string, arn: string): boolean {
  if (pattern === '*') return true;
  const parts = escaped(pattern)
    .replaceAll('?', '[^:]')
    .replace(/\*(?=:|$)/g, '\0')
    .replaceAll('*', '[^:]*');
  return new RegExp(`^${parts.replaceAll('\0', '.*')}$`, 's').test(arn);
}

/** Each of the six parts is compared for itself. */
export function matchesArn(pattern: string, arn: string): boolean {
  const patterns = partsOf(pattern);
  const parts = partsOf(arn);
  return patterns.length === 6 && parts.length === 6 && patterns.every((one, i) => matchesText(one, parts[i] ?? ''));
}

function partsOf(arn: string): string[] {
  const parts = arn.split(':');
  return parts.length < 6 ? parts : [...parts.slice(0, 5), parts.slice(5).join(':')];
}
