/** Longest message of a condition. Chosen freely: enough for a dozen targets, far below the 32 KiB an API server takes. */
const MAX_BYTES = 1024;
const CUT = ' …';

/** The text, cut to what fits into a condition; what was cut off is marked. */
export function conditionMessage(text: string): string {
  if (Buffer.byteLength(text) <= MAX_BYTES) return text;
  const kept = Buffer.from(text)
    .subarray(0, MAX_BYTES - Buffer.byteLength(CUT))
    .toString();
  // A character cut in two became U+FFFD.
  return `${kept.replace(/\ufffd+$/, '')}${CUT}`;
}
