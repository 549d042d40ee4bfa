import { join } from 'node:path';
import { HERE } from './cache.ts';
import type { Emulator } from './server.ts';

/**
 * What an emulator does as AWS does it; a test that needs more than its emulator has says so and leaves that part out.
 * - `schedulerFires`: schedules of EventBridge Scheduler invoke their target
 * - `strictBatchFailures`: `batchItemFailures` with an unknown or empty id fails the whole batch
 * - `moveTask`: SQS has StartMessageMoveTask
 */
export type Capabilities = {
  readonly schedulerFires: boolean;
  readonly strictBatchFailures: boolean;
  readonly moveTask: boolean;
};

/** An emulator of AWS that executes Node functions. */
export type AwsEmulator = Emulator & {
  readonly name: 'ministack' | 'localstack';
  readonly capabilities: Capabilities;
};

/** What each emulator can do, in the versions of its requirements.txt. */
export const CAPABILITIES: Readonly<Record<AwsEmulator['name'], Capabilities>> = {
  ministack: { schedulerFires: true, strictBatchFailures: false, moveTask: false },
  localstack: { schedulerFires: false, strictBatchFailures: true, moveTask: true },
};

/** Region of the emulators; their ARNs carry it. */
export const REGION = 'us-east-1';

/** The folder of the Node that functions run on: the one of package.json, whatever Node started the emulator. */
export const NODE_FOLDER = join(HERE, '../../node_modules/node/bin');
