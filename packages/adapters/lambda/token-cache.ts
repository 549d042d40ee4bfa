import type { Clock } from '@tmc/kernel/clock.ts';
import { kindOf } from '@tmc/kernel/errors.ts';
import type { KubeConnection } from '../kube/connection.ts';

export type TokenSource = {
  /** The token now. */
  readonly load: () => Promise<string>;
  /** How long it is used before it is loaded again. */
  readonly keepMs: number;
  readonly clock: Clock;
};

/** Share of its time after which the next token is fetched while the old one still serves. */
const RENEW_AT = 0.8;
/** A token that was refused is not loaded again sooner: a wrong one would otherwise cost a call for each request. */
const REFUSED_MS = 5_000;

/**
 * A bearer token that is loaded at its first use, kept, and renewed before its time is over; all who wait for it share one load.
 * One that is refused is forgotten. While it cannot be renewed for want of an answer, the last one serves.
 */
export function cachedToken({
  load,
  keepMs,
  clock,
}: TokenSource): Required<Pick<KubeConnection, 'authorization' | 'refused'>> {
  let known: { readonly value: string; readonly atMs: number } | undefined;
  let loading: Promise<string> | undefined;

  const loadNow = (): Promise<string> => {
    loading ??= load()
      .then((token) => {
        const value = `Bearer ${token}`;
        known = { value, atMs: clock() };
        return value;
      })
      .finally(() => {
        loading = undefined;
      });
    return loading;
  };

  return {
    authorization: () => {
      if (!known) return loadNow();
      const { value, atMs } = known;
      const ageMs = clock() - atMs;
      if (ageMs < keepMs * RENEW_AT) return value;
      const renewed = loadNow().catch((error: unknown) => {
        if (kindOf(error) !== 'retry') throw error;
        return value;
      });
      if (ageMs >= keepMs) return renewed;
      // Told to whoever asks after the time is over.
      renewed.catch(() => undefined);
      return value;
    },
    refused: (authorization) => {
      if (known?.value === authorization && clock() - known.atMs >= REFUSED_MS) known = undefined;
    },
  };
}
