/**
 * Splitting replicas over targets by weight, with Webster's method (each next replica goes to the target with the highest
 * weight / (2 × share + 1)). Unlike the largest-remainder method it is monotone: one replica more takes none away anywhere.
 */

/** A target's claim on replicas. `key` breaks ties, so it must be unique among those that share. */
export type Claim = { readonly key: string; readonly weight: number };

/**
 * Shares in the order of `weights`; ties go to the earlier one. Their sum is `replicas`, unless no weight is positive: then
 * nobody gets any. A weight of 0 gives none.
 * @throws RangeError for replicas that are no whole number ≥ 0 and weights that are negative or not finite.
 */
export function divide(replicas: number, weights: readonly number[]): number[] {
  if (!Number.isSafeInteger(replicas) || replicas < 0) {
    throw new RangeError(`cannot divide ${replicas} replicas: a whole number, 0 or more, is needed`);
  }
  const bad = weights.find((weight) => !Number.isFinite(weight) || weight < 0);
  if (bad !== undefined) throw new RangeError(`cannot divide by weight ${bad}: a number, 0 or more, is needed`);
  if (!weights.some((weight) => weight > 0)) return weights.map(() => 0);
  const shares = lowerBound(replicas, weights);
  let left = replicas - sum(shares);
  while (left > 0) {
    const next = nextIndex(shares, weights);
    shares[next] = (shares[next] ?? 0) + 1;
    left -= 1;
  }
  return shares;
}

/** The share of each claim by key, the same in whatever order the claims come: ties go to the lower key. */
export function divideAmong(replicas: number, claims: readonly Claim[]): ReadonlyMap<string, number> {
  const ordered = [...claims].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  const shares = divide(
    replicas,
    ordered.map((claim) => claim.weight),
  );
  return new Map(ordered.map((claim, index) => [claim.key, shares[index] ?? 0]));
}

/**
 * Shares that are certainly not above the result, so that large counts need few rounds: rounding for a divisor that hands out
 * at least n/2 too few, less one against floating-point error. Greedy rounds from any such start end in the same result.
 */
function lowerBound(replicas: number, weights: readonly number[]): number[] {
  const spare = Math.max(0, replicas - weights.length);
  const total = sum(weights);
  return weights.map((weight) => Math.max(0, Math.floor((weight / total) * spare + 0.5) - 1));
}

/** Compares weights[a] / (2·shares[a]+1) crosswise, exact for whole weights. */
function nextIndex(shares: readonly number[], weights: readonly number[]): number {
  let best = -1;
  for (const [index, weight] of weights.entries()) {
    if (weight <= 0) continue;
    if (best < 0 || weight * divisor(shares, best) > (weights[best] ?? 0) * divisor(shares, index)) best = index;
  }
  return best;
}

const divisor = (shares: readonly number[], index: number): number => 2 * (shares[index] ?? 0) + 1;
const sum = (numbers: readonly number[]): number => numbers.reduce((total, n) => total + n, 0);
