import type { Deployment } from './outputs.ts';

/** Turns the topology of a stage into SST components. */
export function deploy(_stage: string, _fleetPath: string): Record<keyof Deployment, unknown> {
  throw new Error('to be written');
}
