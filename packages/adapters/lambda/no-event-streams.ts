/**
 * Stands in for the SDK's event streams in function bundles: no call of ours streams, and since the SDK imports them on demand,
 * everything they touch would otherwise be kept whole. Both throw: a call that streams was added, and bundles need the real module.
 */
export function eventStreamSerdeProvider(): never {
  throw missing();
}

export class EventStreamSerde {
  constructor() {
    throw missing();
  }
}

const missing = () =>
  new Error('function bundles hold no event streams: take their alias out of scripts/bundle-options.ts');
