import {
  type ComparisonOperator,
  DeleteAlarmsCommand,
  DescribeAlarmsCommand,
  type MetricAlarm,
  PutMetricAlarmCommand,
  type Statistic,
} from '@aws-sdk/client-cloudwatch';
import {
  CreateTopicCommand,
  DeleteTopicCommand,
  GetTopicAttributesCommand,
  SetTopicAttributesCommand,
} from '@aws-sdk/client-sns';
import * as z from 'zod';
import type { Clients } from '../clients.ts';
import { orAbsent } from '../failure.ts';
import { type Identity, type Json, type Kind, kind, part, physicalName, type Where } from '../kind.ts';

const ALARM = z.strictObject({
  name: z.string().optional(),
  alarmDescription: z.string().default(''),
  namespace: z.string(),
  metricName: z.string(),
  dimensions: z.record(z.string(), z.string()).default({}),
  statistic: z.string(),
  period: z.number(),
  evaluationPeriods: z.number(),
  datapointsToAlarm: z.number().optional(),
  comparisonOperator: z.string(),
  threshold: z.number(),
  treatMissingData: z.string().default('missing'),
  actionsEnabled: z.boolean().default(true),
  alarmActions: z.array(z.string()).default([]),
  okActions: z.array(z.string()).default([]),
});
type Alarm = z.infer<typeof ALARM>;

const TOPIC = z.strictObject({
  name: z.string().optional(),
  displayName: z.string().default(''),
  fifoTopic: z.literal(false).default(false),
  contentBasedDeduplication: z.literal(false).default(false),
});

/** Alarms, and the topics they go to. */
export function alarmKinds({ alarms, sns }: Pick<Clients, 'alarms' | 'sns'>, where: Where): Kind[] {
  return [metricAlarms(alarms, where), topics(sns, where)];
}

function metricAlarms(alarms: Clients['alarms'], where: Where): Kind {
  const put = async (identity: Identity, said: Alarm): Promise<void> => {
    await alarms.send(new PutMetricAlarmCommand(settingsOf(part(identity, 'alarm'), said)));
  };
  return kind<Alarm>({
    type: 'aws:cloudwatch/metricAlarm:MetricAlarm',
    noun: 'alarm',
    optional: 'nobody is told of faults',
    inputs: ALARM,
    identify: ({ name }, logical) => ({ alarm: name ?? physicalName(where, logical, 255) }),
    fields: fieldsOf,
    async read(identity) {
      const AlarmNames = [part(identity, 'alarm')];
      const live = (await alarms.send(new DescribeAlarmsCommand({ AlarmNames }))).MetricAlarms?.[0];
      return live && { fields: liveFields(live), outputs: { arn: live.AlarmArn ?? '' } };
    },
    create: put,
    update: put,
    async remove(identity) {
      await orAbsent(alarms.send(new DeleteAlarmsCommand({ AlarmNames: [part(identity, 'alarm')] })));
    },
    outputs(identity, said, live) {
      const name = part(identity, 'alarm');
      const arn = live?.outputs?.['arn'] || `arn:aws:cloudwatch:${where.region}:${where.account}:alarm:${name}`;
      return { ...said, name, id: name, arn };
    },
  });
}

/** By the names of the program, with the values of either side. */
function fieldsOf({ name: _name, ...said }: Alarm): Record<string, Json> {
  return { ...said, datapointsToAlarm: said.datapointsToAlarm ?? null };
}

function liveFields(live: MetricAlarm): Record<string, Json> {
  const dimensions = (live.Dimensions ?? []).map(({ Name = '', Value = '' }) => [Name, Value]);
  const known: Record<keyof ReturnType<typeof fieldsOf>, Json | undefined> = {
    alarmDescription: live.AlarmDescription,
    namespace: live.Namespace,
    metricName: live.MetricName,
    dimensions: Object.fromEntries(dimensions) as Json,
    statistic: live.Statistic,
    period: live.Period,
    evaluationPeriods: live.EvaluationPeriods,
    datapointsToAlarm: live.DatapointsToAlarm,
    comparisonOperator: live.ComparisonOperator,
    threshold: live.Threshold,
    treatMissingData: live.TreatMissingData,
    actionsEnabled: live.ActionsEnabled,
    alarmActions: live.AlarmActions,
    okActions: live.OKActions,
  };
  return Object.fromEntries(Object.entries(known).map(([field, value]) => [field, value ?? null]));
}

function settingsOf(AlarmName: string, said: Alarm) {
  return {
    AlarmName,
    AlarmDescription: said.alarmDescription,
    Namespace: said.namespace,
    MetricName: said.metricName,
    Dimensions: Object.entries(said.dimensions).map(([Name, Value]) => ({ Name, Value })),
    Statistic: said.statistic as Statistic,
    Period: said.period,
    EvaluationPeriods: said.evaluationPeriods,
    ...(said.datapointsToAlarm !== undefined && { DatapointsToAlarm: said.datapointsToAlarm }),
    ComparisonOperator: said.comparisonOperator as ComparisonOperator,
    Threshold: said.threshold,
    TreatMissingData: said.treatMissingData,
    ActionsEnabled: said.actionsEnabled,
    AlarmActions: said.alarmActions,
    OKActions: said.okActions,
  };
}

function topics(sns: Clients['sns'], where: Where): Kind {
  const arnOf = (identity: Identity): string =>
    `arn:aws:sns:${where.region}:${where.account}:${part(identity, 'topic')}`;
  return kind<z.infer<typeof TOPIC>>({
    type: 'aws:sns/topic:Topic',
    noun: 'topic',
    optional: 'alarms go nowhere',
    inputs: TOPIC,
    identify: ({ name }, logical) => ({ topic: name ?? physicalName(where, logical, 256) }),
    fields: ({ displayName }) => ({ displayName }),
    async read(identity) {
      const answer = await orAbsent(sns.send(new GetTopicAttributesCommand({ TopicArn: arnOf(identity) })));
      return answer && { fields: { displayName: answer.Attributes?.['DisplayName'] ?? '' } };
    },
    async create(identity, { displayName }) {
      const Attributes = displayName ? { DisplayName: displayName } : {};
      await sns.send(new CreateTopicCommand({ Name: part(identity, 'topic'), Attributes }));
    },
    async update(identity, { displayName: AttributeValue }) {
      const setting = { TopicArn: arnOf(identity), AttributeName: 'DisplayName', AttributeValue };
      await sns.send(new SetTopicAttributesCommand(setting));
    },
    async remove(identity) {
      await orAbsent(sns.send(new DeleteTopicCommand({ TopicArn: arnOf(identity) })));
    },
    outputs: (identity, said) => ({
      ...said,
      name: part(identity, 'topic'),
      id: arnOf(identity),
      arn: arnOf(identity),
    }),
  });
}
