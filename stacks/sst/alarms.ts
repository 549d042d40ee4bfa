import type { AlarmSpec } from '../alarms.ts';
import type { Topology } from '../topology.ts';
import type { DeployedFunction } from './functions.ts';
import { componentName, deployedName } from './names.ts';
import type { DeployedQueue } from './queues.ts';

/** Alarms, and the topic they go to where the stage wants one; people subscribe to it by hand. */
export function createAlarms(
  { alarms, data }: Topology,
  queues: ReadonlyMap<string, DeployedQueue>,
  functions: ReadonlyMap<string, DeployedFunction>,
): void {
  const topic = data.alarms.notify ? new sst.aws.SnsTopic('Alarms') : undefined;
  const actions = topic ? [topic.arn] : [];
  for (const alarm of alarms) {
    new aws.cloudwatch.MetricAlarm(`${componentName(alarm.name)}Alarm`, {
      name: deployedName(alarm.name),
      alarmDescription: alarm.description,
      ...metricOf(alarm, queues, functions),
      metricName: alarm.metric.name,
      statistic: alarm.statistic,
      comparisonOperator: alarm.raised === 'above' ? 'GreaterThanThreshold' : 'LessThanThreshold',
      threshold: alarm.threshold,
      period: alarm.periodS,
      evaluationPeriods: alarm.evaluations,
      // A queue without messages and a function that is not called report nothing.
      treatMissingData: alarm.raised === 'above' ? 'notBreaching' : 'breaching',
      alarmActions: actions,
      okActions: actions,
    });
  }
}

function metricOf(
  { name, metric }: AlarmSpec,
  queues: ReadonlyMap<string, DeployedQueue>,
  functions: ReadonlyMap<string, DeployedFunction>,
): { readonly namespace: string; readonly dimensions: Record<string, $util.Output<string>> } {
  if ('function' in metric) {
    const one = functions.get(metric.function);
    if (!one) throw new Error(`the alarm "${name}" is on the function "${metric.function}", which does not exist`);
    return { namespace: 'AWS/Lambda', dimensions: { FunctionName: one.component.name } };
  }
  const queue = queues.get(metric.queue)?.[metric.letters];
  if (!queue) throw new Error(`the alarm "${name}" is on the queue "${metric.queue}", which does not exist`);
  return { namespace: 'AWS/SQS', dimensions: { QueueName: queue.nodes.queue.name } };
}
