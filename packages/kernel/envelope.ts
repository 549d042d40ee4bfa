import * as z from 'zod';
import type { KubeObject } from './object.ts';

/**
 * The message every queue carries: the key of an object and the state that was seen, never an instruction.
 * Whoever consumes it reads the truth and decides; a duplicate, late or reordered envelope is normal input.
 */

const key = z.object({
  workspace: z.string().min(1),
  group: z.string(),
  resource: z.string().min(1),
  namespace: z.string(),
  name: z.string().min(1),
});

/** Why the message was sent. `unseen`: the sender lost sight of the object, which is not its deletion. */
export const CHANGES = ['upsert', 'delete', 'unseen', 'evaluate', 'heartbeat', 'tick', 'finding'] as const;

/** Version 1 of the envelope; a message of another major version is malformed and goes to the dead letters. */
export const envelopeSchema = z.object({
  v: z.literal(1),
  id: z.string().min(1),
  /** When the sender saw it, ms since 1970 by the sender's clock: for lag, never for decisions. */
  at: z.number().int(),
  source: z.object({
    kind: z.enum(['hub', 'member', 'function']),
    /** Hub id, or the target key of a member cluster. */
    id: z.string().min(1),
    relay: z.string(),
    /** Rises when resourceVersions of the source start over. */
    epoch: z.number().int().nonnegative(),
  }),
  key,
  uid: z.string(),
  rv: z.string(),
  change: z.enum(CHANGES),
  /** Interest hash of the state seen. */
  hash: z.string().optional(),
  /** On a member's upsert: fields we own no longer have the content we applied. */
  drifted: z.boolean().optional(),
  traceparent: z.string().optional(),
  /** A list mark: these keys, and no others, were between `begin` and `end` at revision `rv` (`apis/list-marks.ts`). */
  list: z
    .object({
      begin: z.string(),
      end: z.string().optional(),
      keys: z.array(z.string()),
      count: z.number().int(),
      digest: z.string(),
    })
    .optional(),
  /** The object without managedFields, when small and no Secret. */
  body: z.custom<KubeObject>((v) => typeof v === 'object' && v !== null && 'metadata' in v).optional(),
});

export type Envelope = z.infer<typeof envelopeSchema>;
export type Change = Envelope['change'];

/** The queues, by what consumes them; a target's command queue is `commands-<target>`. */
export const QUEUES = ['placement', 'sync', 'status', 'recovery'] as const;
export type QueueName = (typeof QUEUES)[number];

/** A message on its way out: `group` is the fair-queue group, the tenant or target it must not delay others of. */
export type OutgoingMessage = {
  readonly queue: QueueName;
  readonly group: string;
  readonly envelope: Envelope;
  readonly delayMs?: number;
};

/** Sends messages; resolves with the indexes of those that were not accepted. */
export type SendMessages = (messages: readonly OutgoingMessage[]) => Promise<{ readonly failed: readonly number[] }>;

/** Bodies above this many bytes of JSON are left out: ten to a 64 KiB request, which is what SQS bills. */
export const MAX_BODY_BYTES = 6 * 1024;
