import type { StageData } from './stages.ts';
import type { FunctionSpec, QueueSpec, ScheduleSpec } from './topology.ts';

export type AlarmSpec = {
  readonly name: string;
  readonly description: string;
  readonly metric:
    | { readonly queue: string; readonly letters: 'live' | 'dead'; readonly name: string }
    | { readonly function: string; readonly name: string };
  readonly statistic: 'Maximum' | 'Sum';
  /** Where no data means that all is well; below: where it means what the alarm is for. */
  readonly raised: 'above' | 'below';
  readonly threshold: number;
  readonly periodS: number;
  readonly evaluations: number;
};

/** What tells that something is wrong: messages that were given up or wait, functions that fail, and silence. */
export function alarmsOf(
  queues: readonly QueueSpec[],
  functions: readonly FunctionSpec[],
  schedules: readonly ScheduleSpec[],
  data: StageData,
): AlarmSpec[] {
  return [
    ...queues.flatMap((queue) => queueAlarms(queue, data)),
    ...functions.flatMap(functionAlarms),
    ...silenceAlarms(schedules),
  ];
}

function queueAlarms({ name }: QueueSpec, { alarms }: StageData): AlarmSpec[] {
  return [
    {
      name: `${name}-dead`,
      description: `A message of ${name} was given up: docs/operations/deploy.md says how to read and redrive it`,
      metric: { queue: name, letters: 'dead', name: 'ApproximateNumberOfMessagesVisible' },
      statistic: 'Maximum',
      raised: 'above',
      threshold: 0,
      periodS: 60,
      evaluations: 1,
    },
    {
      name: `${name}-age`,
      description: `Messages of ${name} wait for more than ${alarms.ageS} s`,
      metric: { queue: name, letters: 'live', name: 'ApproximateAgeOfOldestMessage' },
      statistic: 'Maximum',
      raised: 'above',
      threshold: alarms.ageS,
      periodS: 60,
      evaluations: alarms.evaluations,
    },
  ];
}

function functionAlarms({ name }: FunctionSpec): AlarmSpec[] {
  const alarm = (suffix: string, metric: string, description: string): AlarmSpec => ({
    name: `${name}-${suffix}`,
    description,
    metric: { function: name, name: metric },
    statistic: 'Sum',
    raised: 'above',
    threshold: 0,
    periodS: 300,
    evaluations: 1,
  });
  return [
    alarm(
      'errors',
      'Errors',
      `${name} ended with an error: its records answer for themselves, so this is a fault of the function or its settings`,
    ),
    alarm(
      'throttles',
      'Throttles',
      `${name} was not run for want of concurrency: the account has less of it than the stage asks for`,
    ),
  ];
}

/** What comes by itself as long as it works: nothing else would tell that it does not. */
function silenceAlarms(schedules: readonly ScheduleSpec[]): AlarmSpec[] {
  const silent = { statistic: 'Sum', raised: 'below', threshold: 1, periodS: 300, evaluations: 1 } as const;
  return [
    {
      ...silent,
      name: 'recovery-silent',
      description: 'Neither a tick of the hub relay nor a sign of life of a member was sent: the relays do not work',
      metric: { queue: 'recovery', letters: 'live', name: 'NumberOfMessagesSent' },
    },
    ...schedules.map(({ name, function: target }) => ({
      ...silent,
      name: `${name}-silent`,
      description: `${target} was not run, although its schedule is due each minute`,
      metric: { function: target, name: 'Invocations' },
    })),
  ];
}
