import { isUnsupported, reasonOf } from './failure.ts';
import type { Identity, Kind } from './kind.ts';

/** Does something to a resource. @throws Error saying what was attempted, on which one and why it failed. */
export function attempt<T>(
  verb: string,
  kind: Kind,
  name: string,
  identity: Identity,
  work: () => Promise<T>,
): Promise<T> {
  return about(`${verb} the ${kind.noun} "${name}" (${told(identity)})`, work);
}

/** @throws Error saying what was attempted and why it failed, with the failure as its cause. */
export async function about<T>(attempted: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const advice = isUnsupported(cause)
      ? '. The system does not work without it: LocalStack 4.14 and MiniStack 1.5 offer it'
      : '';
    throw new Error(`cannot ${attempted}: ${reasonOf(cause)}${advice}`, { cause });
  }
}

/** What finds it, in words. */
export function told(identity: Identity): string {
  return Object.entries(identity)
    .map(([key, value]) => `${key} ${value}`)
    .join(', ');
}

/** Why nothing is done about a resource that is there. */
export function refusal(
  { noun }: Kind,
  name: string,
  identity: Identity,
  why: { because: 'foreign' } | { because: 'fixed'; fields: readonly string[] },
): string {
  const which = `the ${noun} "${name}" (${told(identity)})`;
  return why.because === 'foreign'
    ? `${which} exists already and was not made by this deployment. Remove it, or choose another --app or --stage`
    : `${which} would have to change its ${why.fields.join(', ')}, which only a new one can, and it holds data. Remove the deployment first`;
}

/** What to do about a type that no kind makes. */
export function unknownType(type: string, name: string): string {
  return `cannot deploy "${name}": a deployment to an endpoint does not know the type ${type}. Add a kind to stacks/endpoint/kinds, or leave the resource out for such endpoints`;
}
