/**
 * Stands in for the SDK's event streams in function bundles: no call of ours streams, and since the SDK imports them on demand,
 * everything they touch would otherwise be kept whole.
 * @throws Error always: a call that streams was added, and the bundles need the real module.
 */
export function eventStreamSerdeProvider(): never {
  throw new Error('function bundles hold no event streams: take their alias out of scripts/bundle-options.ts');
}

export const EventStreamSerde = eventStreamSerdeProvider;
