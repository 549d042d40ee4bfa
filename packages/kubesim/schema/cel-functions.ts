import type { Environment } from '@marcbachmann/cel-js';

type Ordered = bigint | number | string;

const extreme = (list: Ordered[], better: (a: Ordered, b: Ordered) => boolean): Ordered => {
  const [first, ...rest] = list;
  if (first === undefined) throw new Error('min and max need an element');
  return rest.reduce((best, one) => (better(one, best) ? one : best), first);
};

/** The functions on lists and regular expressions that Kubernetes adds to CEL. */
export function registerListFunctions(environment: Environment): Environment {
  return environment
    .registerFunction('list.isSorted(): bool', (list: Ordered[]) =>
      list.every((one, at) => at === 0 || (list[at - 1] as Ordered) <= one),
    )
    .registerFunction('list.sum(): dyn', (list: (bigint | number)[]) => sum(list))
    .registerFunction('list.min(): dyn', (list: Ordered[]) => extreme(list, (a, b) => a < b))
    .registerFunction('list.max(): dyn', (list: Ordered[]) => extreme(list, (a, b) => a > b))
    .registerFunction('list.indexOf(dyn): int', (list: unknown[], one: unknown) => BigInt(list.indexOf(one)))
    .registerFunction('list.lastIndexOf(dyn): int', (list: unknown[], one: unknown) => BigInt(list.lastIndexOf(one)))
    .registerFunction(
      'string.find(string): string',
      (text: string, pattern: string) => new RegExp(pattern, 'u').exec(text)?.[0] ?? '',
    )
    .registerFunction(
      'string.findAll(string): list<string>',
      (text: string, pattern: string) => text.match(new RegExp(pattern, 'gu')) ?? [],
    );
}

const sum = (list: (bigint | number)[]): bigint | number =>
  list.every((one) => typeof one === 'bigint')
    ? (list as bigint[]).reduce((total, one) => total + one, 0n)
    : list.reduce<number>((total, one) => total + Number(one), 0);
