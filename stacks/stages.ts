import type { QueueName } from '@tmc/kernel/envelope.ts';

/** What one stage sets otherwise than another; nothing else differs between them. */
export type StageData = {
  /** What `sst remove` does with table and logs. */
  readonly removal: 'remove' | 'retain';
  /** Refuses to remove the stage at all. */
  readonly protect: boolean;
  readonly pointInTimeRecovery: boolean;
  readonly logRetention: '1 week' | '1 month' | '3 months';
  readonly logLevel: 'DEBUG' | 'INFO';
  /** How long a message waits for a consumer that does not run. A dead letter's time runs from then too: 14 days in all. */
  readonly queueRetentionDays: number;
  /** Batches under way per queue. */
  readonly concurrency: Readonly<Record<QueueName, number>>;
  readonly alarms: {
    /** Age of the oldest message that is too old. */
    readonly ageS: number;
    /** Minutes in a row. */
    readonly evaluations: number;
    /** Whether alarms go to a topic that people subscribe to. */
    readonly notify: boolean;
  };
  /** Publishes each version of a function and points an alias at it, so that an older one can be had back at once. */
  readonly versions: boolean;
  readonly relayReplicas: number;
};

export type StageName = 'dev' | 'staging' | 'production';

export const STAGES: Readonly<Record<StageName, StageData>> = {
  dev: {
    removal: 'remove',
    protect: false,
    pointInTimeRecovery: false,
    logRetention: '1 week',
    logLevel: 'DEBUG',
    queueRetentionDays: 1,
    concurrency: { placement: 2, sync: 5, status: 2, recovery: 2 },
    alarms: { ageS: 900, evaluations: 5, notify: false },
    versions: false,
    relayReplicas: 1,
  },
  staging: {
    removal: 'remove',
    protect: false,
    pointInTimeRecovery: true,
    logRetention: '1 month',
    logLevel: 'INFO',
    queueRetentionDays: 4,
    concurrency: { placement: 5, sync: 20, status: 10, recovery: 2 },
    alarms: { ageS: 300, evaluations: 3, notify: true },
    versions: true,
    relayReplicas: 2,
  },
  production: {
    removal: 'retain',
    protect: true,
    pointInTimeRecovery: true,
    logRetention: '3 months',
    logLevel: 'INFO',
    queueRetentionDays: 4,
    concurrency: { placement: 20, sync: 100, status: 50, recovery: 5 },
    alarms: { ageS: 120, evaluations: 2, notify: true },
    versions: true,
    relayReplicas: 2,
  },
};
