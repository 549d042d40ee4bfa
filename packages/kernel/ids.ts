import { randomUUID } from 'node:crypto';

/** Makes a fresh identifier; injected, so that tests repeat. */
export type Ids = () => string;

/** Random UUIDs. */
export const randomIds: Ids = () => randomUUID();

/** A number in [0, 1); injected for jitter. */
export type Random = () => number;
