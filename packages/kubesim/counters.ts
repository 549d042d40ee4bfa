import type { Target } from './server/context.ts';

/** Counts committed writes for tests: `update deployments/status`, optionally of one cluster. */
export class WriteCounters {
  private readonly counts = new Map<string, number>();

  count({ verb, def, subresource }: Target): void {
    const key = WriteCounters.key(verb, def.plural, subresource);
    this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
  }

  /** Writes so far of one verb (create, update, patch, delete) on a resource or one of its subresources. */
  of(verb: string, resource: string, subresource = ''): number {
    return this.counts.get(WriteCounters.key(verb, resource, subresource)) ?? 0;
  }

  /** Writes so far, by `verb resource[/subresource]`. */
  all(): Record<string, number> {
    return Object.fromEntries(this.counts);
  }

  /** All writes on a resource, its subresources included. */
  total(resource: string): number {
    let sum = 0;
    for (const [key, count] of this.counts) if (key.split(' ')[1]?.split('/')[0] === resource) sum += count;
    return sum;
  }

  reset(): void {
    this.counts.clear();
  }

  private static key(verb: string, resource: string, subresource: string): string {
    return `${verb} ${resource}${subresource ? `/${subresource}` : ''}`;
  }
}
