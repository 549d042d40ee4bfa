/** A `metav1.Status`, as far as answers are judged by it. */
export type Status = {
  readonly kind: 'Status';
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: {
    readonly name?: string;
    readonly group?: string;
    /** Plural resource name, despite its name. */
    readonly kind?: string;
    readonly causes?: readonly { readonly reason?: string; readonly field?: string; readonly message?: string }[];
    readonly retryAfterSeconds?: number;
  };
};

/** The Status in a parsed body, undefined when it is none. */
export function statusOf(body: unknown): Status | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  return (body as { kind?: unknown }).kind === 'Status' ? (body as Status) : undefined;
}

/** The Status in a body's text; plain text and other JSON give undefined. */
export function parseStatus(body: string): Status | undefined {
  if (!body.startsWith('{')) return undefined;
  try {
    return statusOf(JSON.parse(body));
  } catch {
    return undefined;
  }
}
