import { isRecord } from '../object.ts';

type Step = { field: string } | { index: number } | { all: true } | { filter: { path: Step[]; equals: unknown } };

const parsed = new Map<string, Step[]>();

/**
 * What a printer column's JSONPath finds: fields, `['quoted']`, `[n]`, `[*]` and filters `[?(@.type=="Ready")]`.
 * @returns the first match, undefined when there is none
 */
export function readJsonPath(root: unknown, path: string): unknown {
  let steps = parsed.get(path);
  if (!steps) {
    steps = parse(path.replace(/^\{|\}$/g, ''));
    parsed.set(path, steps);
  }
  return walk([root], steps)[0];
}

const STEP =
  /\.([A-Za-z0-9_\-/]+(?:\\\.[A-Za-z0-9_\-/]+)*)|\[['"]([^'"]+)['"]\]|\[(\d+)\]|\[(\*)\]|\.(\*)|\[\?\(@((?:[^()]|\([^)]*\))*?)\s*==\s*(['"]?)([^'")\]]*)\7\s*\)\]/g;

function parse(path: string): Step[] {
  return [...path.matchAll(STEP)].map((match) => stepOf(match));
}

function stepOf([, field, quoted, index, all, dotAll, filterPath, quote, value]: RegExpMatchArray): Step {
  if (field !== undefined) return { field: field.replaceAll('\\.', '.') };
  if (quoted !== undefined) return { field: quoted };
  if (index !== undefined) return { index: Number(index) };
  if (all !== undefined || dotAll !== undefined) return { all: true };
  return { filter: { path: parse(filterPath ?? ''), equals: quote ? value : JSON.parse(value || 'null') } };
}

function walk(values: unknown[], steps: Step[]): unknown[] {
  return steps.reduce<unknown[]>((found, step) => found.flatMap((value) => stepInto(value, step)), values);
}

function stepInto(value: unknown, step: Step): unknown[] {
  if ('field' in step) return isRecord(value) && step.field in value ? [value[step.field]] : [];
  if ('index' in step) return Array.isArray(value) && step.index < value.length ? [value[step.index]] : [];
  const children = Array.isArray(value) ? value : isRecord(value) ? Object.values(value) : [];
  if ('all' in step) return children;
  return children.filter((child) => walk([child], step.filter.path)[0] === step.filter.equals);
}
