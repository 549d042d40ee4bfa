import { isPlainObject } from '@tmc/kernel/canonical.ts';
import type { JsonObject } from '@tmc/kernel/object.ts';
import { applyPatch, type Operation } from 'rfc6902';

export type Differed =
  | { readonly ok: true; readonly copy: JsonObject }
  | { readonly ok: false; readonly problem: string };

/** The copy after the target's JSON patch (RFC 6902, rooted at spec), or why the patch cannot be applied. All or nothing. */
export function withSpecDiff(copy: JsonObject, patchText: string | undefined): Differed {
  if (!patchText) return { ok: true, copy };
  const spec = copy['spec'];
  const operations = parseOperations(patchText);
  if (!operations) return { ok: false, problem: 'it is not a JSON array of patch operations' };
  if (!isPlainObject(spec)) return { ok: false, problem: 'the object has no spec' };
  const patched = structuredClone(spec);
  const failure = applyPatch(patched, operations).find((result) => result !== null);
  if (failure) return { ok: false, problem: `an operation failed: ${failure.message || failure.name}` };
  return { ok: true, copy: { ...copy, spec: patched } };
}

function parseOperations(text: string): Operation[] | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return Array.isArray(parsed) && parsed.every(isPlainObject) ? (parsed as unknown as Operation[]) : undefined;
  } catch {
    // Told as a problem of the annotation by the caller.
    return undefined;
  }
}
