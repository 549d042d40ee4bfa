import { envelopeSchema } from '@tmc/kernel/envelope.ts';
import { formatKey } from '@tmc/kernel/key.ts';

/** What the body of a dead letter is about: the formatted key and the change; empty when it is no envelope, often why it is dead. */
export function subjectOf(body: string): { readonly key?: string; readonly change?: string } {
  try {
    const { key, change } = envelopeSchema.parse(JSON.parse(body));
    return { key: formatKey(key), change };
  } catch {
    return {};
  }
}
