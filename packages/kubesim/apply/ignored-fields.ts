import { type FieldPath, type FieldSet, fieldSetOf } from './fields.ts';

/** What decides which fields a write cannot change and therefore cannot own. */
export interface WriteScope {
  /** '' or absent for the object itself, else e.g. 'status'. */
  subresource?: string | undefined;
  /** Whether the kind serves `/status`: its main resource then leaves status alone. */
  statusSubresource?: boolean | undefined;
  /** Overrides the rule, e.g. `[['f:spec'], ['f:metadata', 'f:labels']]` for the status of built-in workloads. */
  resetFields?: readonly FieldPath[] | undefined;
}

const STATUS_WRITE: readonly FieldPath[] = [['f:apiVersion'], ['f:kind'], ['f:metadata'], ['f:spec']];

/** Fields a write in this scope resets; with everything below them. */
export function ignoredFields({ subresource, statusSubresource, resetFields }: WriteScope): FieldSet {
  if (resetFields) return fieldSetOf(resetFields);
  if (subresource === 'status') return fieldSetOf(STATUS_WRITE);
  return fieldSetOf(statusSubresource && !subresource ? [['f:status']] : []);
}
