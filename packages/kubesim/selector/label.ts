/** One requirement of a label selector. */
export type LabelRequirement =
  | { op: 'in' | 'notin'; key: string; values: string[] }
  | { op: 'exists' | 'absent'; key: string }
  | { op: 'gt' | 'lt'; key: string; value: number };

/** A selector that does not parse: 400 BadRequest. */
export class SelectorError extends Error {
  override readonly name = 'SelectorError';
}

const NAME = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const PREFIX = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const TOKEN = /\s*(==|!=|[=!(),<>]|[^\s=!(),<>]+)\s*/y;
const INTEGER = /^[-+]?\d+$/;

/**
 * Parses the text form of a label selector: `a=b,c!=d,e in (f,g),h notin (i),j,!k`; empty text selects everything.
 * @throws SelectorError
 */
export function parseLabelSelector(text: string): LabelRequirement[] {
  const tokens = tokenize(text);
  const requirements: LabelRequirement[] = [];
  let at = 0;
  while (at < tokens.length) {
    const { requirement, next } = parseRequirement(tokens, at, text);
    requirements.push(requirement);
    at = next;
    if (at >= tokens.length) break;
    if (tokens[at] !== ',' || at + 1 >= tokens.length) throw unparsable(text, tokens[at] ?? 'end');
    at++;
  }
  return requirements;
}

function tokenize(text: string): string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const from = TOKEN.lastIndex;
    const found = TOKEN.exec(text);
    if (!found) {
      if (text.slice(from).trim() === '') break;
      throw unparsable(text, text.slice(from));
    }
    tokens.push(found[1] as string);
  }
  return tokens;
}

const unparsable = (text: string, near: string): SelectorError =>
  new SelectorError(`unable to parse requirement: found '${near}' in selector "${text}"`);

interface Parsed {
  requirement: LabelRequirement;
  next: number;
}

function parseRequirement(tokens: string[], at: number, text: string): Parsed {
  if (tokens[at] === '!') return { requirement: { op: 'absent', key: labelKey(tokens[at + 1]) }, next: at + 2 };
  const key = labelKey(tokens[at]);
  const operator = tokens[at + 1];
  if (operator === undefined || operator === ',') return { requirement: { op: 'exists', key }, next: at + 1 };
  if (operator === 'in' || operator === 'notin') {
    const { values, next } = parseValues(tokens, at + 2, text);
    return { requirement: { op: operator, key, values }, next };
  }
  return parseComparison({ key, operator, value: tokens[at + 2], at, text });
}

function parseComparison(part: {
  key: string;
  operator: string;
  value: string | undefined;
  at: number;
  text: string;
}): Parsed {
  const { key, operator, at, text } = part;
  const absent = part.value === undefined || part.value === ',';
  const value = absent ? '' : (part.value as string);
  const next = absent ? at + 2 : at + 3;
  if (operator === '=' || operator === '==')
    return { requirement: { op: 'in', key, values: [labelValue(value)] }, next };
  if (operator === '!=') return { requirement: { op: 'notin', key, values: [labelValue(value)] }, next };
  if (operator !== '>' && operator !== '<') throw unparsable(text, operator);
  if (!INTEGER.test(value))
    throw new SelectorError(`for 'Gt', 'Lt' operators, the value must be an integer: "${value}"`);
  return { requirement: { op: operator === '>' ? 'gt' : 'lt', key, value: Number(value) }, next };
}

/** The values in parentheses; `(a,,b)` and `()` hold an empty value. */
function parseValues(tokens: string[], from: number, text: string): { values: string[]; next: number } {
  if (tokens[from] !== '(') throw unparsable(text, tokens[from] ?? 'end');
  const end = tokens.indexOf(')', from);
  if (end < 0) throw unparsable(text, 'end');
  const values: string[] = [];
  let value: string | undefined;
  for (const token of tokens.slice(from + 1, end)) {
    if (token === ',') {
      values.push(value ?? '');
      value = undefined;
    } else if (value === undefined) value = labelValue(token);
    else throw unparsable(text, token);
  }
  values.push(value ?? '');
  return { values: [...new Set(values)], next: end + 1 };
}

function labelKey(key: string | undefined): string {
  const parts = (key ?? '').split('/');
  const prefix = parts.length === 2 ? parts[0] : undefined;
  const badPrefix = prefix !== undefined && (!PREFIX.test(prefix) || prefix.length > 253);
  if (key === undefined || parts.length > 2 || badPrefix || !NAME.test(parts.at(-1) as string))
    throw new SelectorError(`unable to parse requirement: invalid label key "${key ?? ''}"`);
  return key;
}

function labelValue(value: string): string {
  if (value !== '' && !NAME.test(value))
    throw new SelectorError(`unable to parse requirement: invalid label value: "${value}"`);
  return value;
}

/** Whether labels meet all requirements. A label that is absent meets `notin` and `!=`. */
export function matchesLabels(
  requirements: LabelRequirement[],
  labels: Record<string, string> | null | undefined,
): boolean {
  return requirements.every((requirement) => matchesOne(requirement, labels?.[requirement.key]));
}

function matchesOne(requirement: LabelRequirement, value: string | undefined): boolean {
  switch (requirement.op) {
    case 'in':
      return value !== undefined && requirement.values.includes(value);
    case 'notin':
      return value === undefined || !requirement.values.includes(value);
    case 'exists':
      return value !== undefined;
    case 'absent':
      return value === undefined;
    case 'gt':
      return value !== undefined && INTEGER.test(value) && Number(value) > requirement.value;
    case 'lt':
      return value !== undefined && INTEGER.test(value) && Number(value) < requirement.value;
  }
}
