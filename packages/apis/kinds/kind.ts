import type { JsonObject } from '@tmc/kernel/object.ts';
import type * as z from 'zod';
import type { ResourceType } from '../resources.ts';

/** A column of `kubectl get`; priority 1 shows with `-o wide` only. */
export type PrinterColumn = {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'boolean' | 'date';
  readonly jsonPath: string;
  readonly priority?: 0 | 1;
  readonly description?: string;
};

/**
 * A rule between fields of a spec, told twice: as CEL to API servers, and as a function to the conversion, which also meets
 * objects that were stored before the rule existed. `holds` gets a raw spec and must bear any shape; a rule about a change (`oldSelf`) has none.
 */
type SpecRule = {
  /** CEL with `self` = the spec. */
  readonly cel: string;
  /** What to change, as the user reads it. */
  readonly message: string;
  /** Field the message is about, below `spec`. */
  readonly field: string;
  readonly holds?: (spec: JsonObject) => boolean;
};

/** Everything there is to say about one kind: the API server's schema, the table and the reference page come from it. */
export type KindDefinition<Spec extends z.ZodType = z.ZodType, Status extends z.ZodType = z.ZodType> = {
  readonly resource: ResourceType;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly description: string;
  /** Parses to the spec with all defaults filled in. */
  readonly spec: Spec;
  /** False when an object without spec is valid and gets the defaults. */
  readonly specRequired: boolean;
  readonly status: Status;
  readonly rules: readonly SpecRule[];
  readonly columns: readonly PrinterColumn[];
};

/** Path of a condition's field for a column. */
export const conditionPath = (type: string, field: 'status' | 'reason' | 'message'): string =>
  `.status.conditions[?(@.type=="${type}")].${field}`;

export const AGE: PrinterColumn = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' };
