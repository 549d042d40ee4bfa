/** Milliseconds since 1970, UTC. Injected everywhere: nothing but an adapter's edge reads the real clock. */
export type Clock = () => number;

/** The machine's clock. */
export const systemClock: Clock = () => Date.now();

/** RFC 3339 with whole seconds, as Kubernetes writes times. */
export function formatTime(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d{3}Z$/, 'Z');
}
