/**
 * Kubernetes quantities (`500m`, `1.5Gi`, `2e3`) as whole milli-units in BigInt: exact, comparable, no floats.
 * Finer parts are rounded up (away from zero), as Kubernetes does when it scales.
 */

const QUANTITY = /^([+-]?)(\d+\.?\d*|\.\d+)(?:([eE][+-]?\d{1,2})|(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei))?$/;

/** The same grammar for API servers, which check texts with RE2. */
export const QUANTITY_PATTERN = QUANTITY.source;

const DECIMAL_EXPONENTS: Readonly<Record<string, number>> = {
  n: -9,
  u: -6,
  m: -3,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
};
const BINARY_EXPONENTS: Readonly<Record<string, bigint>> = { Ki: 10n, Mi: 20n, Gi: 30n, Ti: 40n, Pi: 50n, Ei: 60n };

/**
 * Milli-units of a quantity text or number.
 * @throws RangeError when the text is no quantity.
 */
export function parseQuantity(quantity: string | number): bigint {
  const milli = findQuantity(quantity);
  if (milli === undefined) {
    throw new RangeError(`not a quantity (a number with an optional suffix, like 500m or 2Gi): "${quantity}"`);
  }
  return milli;
}

/** Milli-units of a quantity text or number, undefined when it is none. */
export function findQuantity(quantity: string | number): bigint | undefined {
  const match = QUANTITY.exec(String(quantity));
  if (!match) return undefined;
  const [, sign, digits = '0', exponent, suffix = ''] = match;
  const [whole = '', fraction = ''] = digits.split('.');
  const factor = 1n << (BINARY_EXPONENTS[suffix] ?? 0n);
  const power = (exponent ? Number(exponent.slice(1)) : (DECIMAL_EXPONENTS[suffix] ?? 0)) + 3 - fraction.length;
  const magnitude = scaleUp(BigInt(whole + fraction) * factor, power);
  return sign === '-' ? -magnitude : magnitude;
}

/** Negative when a is less than b. @throws RangeError when either is no quantity. */
export function compareQuantities(a: string | number, b: string | number): number {
  const x = parseQuantity(a);
  const y = parseQuantity(b);
  return x < y ? -1 : x > y ? 1 : 0;
}

/** A quantity text for milli-units: 1500 → `1500m`, whole numbers without suffix. */
export function formatQuantity(milli: bigint): string {
  return milli % 1000n === 0n ? String(milli / 1000n) : `${milli}m`;
}

/** value × 10^power for value ≥ 0, rounded up when the power is negative. */
function scaleUp(value: bigint, power: number): bigint {
  if (power >= 0) return value * 10n ** BigInt(power);
  const divisor = 10n ** BigInt(-power);
  return (value + divisor - 1n) / divisor;
}
