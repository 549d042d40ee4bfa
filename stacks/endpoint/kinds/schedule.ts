import {
  CreateScheduleCommand,
  DeleteScheduleCommand,
  GetScheduleCommand,
  type GetScheduleCommandOutput,
  UpdateScheduleCommand,
} from '@aws-sdk/client-scheduler';
import * as z from 'zod';
import type { Clients } from '../clients.ts';
import { orAbsent } from '../failure.ts';
import { fromJson, type Identity, type Json, type Kind, kind, part, physicalName, type Where } from '../kind.ts';

const inputs = z.strictObject({
  name: z.string().optional(),
  groupName: z.string().default('default'),
  description: z.string().default(''),
  scheduleExpression: z.string(),
  scheduleExpressionTimezone: z.string().default('UTC'),
  flexibleTimeWindow: z.strictObject({ mode: z.literal('OFF') }),
  state: z.enum(['ENABLED', 'DISABLED']).default('ENABLED'),
  target: z.strictObject({
    arn: z.string(),
    roleArn: z.string(),
    input: z.string().default(''),
    retryPolicy: z
      .strictObject({ maximumRetryAttempts: z.number().optional(), maximumEventAgeInSeconds: z.number().optional() })
      .default({}),
    deadLetterConfig: z.strictObject({ arn: z.string() }).optional(),
  }),
});
type Inputs = z.infer<typeof inputs>;

/** Schedules of EventBridge Scheduler. */
export function scheduleKinds({ scheduler }: Pick<Clients, 'scheduler'>, where: Where): Kind[] {
  return [
    kind<Inputs>({
      type: 'aws:scheduler/schedule:Schedule',
      noun: 'schedule',
      optional: 'its function runs when it is invoked by hand; relays tick all the same',
      inputs,
      identify: ({ name, groupName }, logical) => ({
        schedule: name ?? physicalName(where, logical, 64),
        group: groupName,
      }),
      fields: fieldsOf,
      async read(identity) {
        const live = await orAbsent(scheduler.send(new GetScheduleCommand(keyOf(identity))));
        return live && { fields: liveFields(live), outputs: { arn: live.Arn ?? '' } };
      },
      async create(identity, said) {
        await scheduler.send(new CreateScheduleCommand({ ...keyOf(identity), ...settingsOf(said) }));
      },
      async update(identity, said) {
        await scheduler.send(new UpdateScheduleCommand({ ...keyOf(identity), ...settingsOf(said) }));
      },
      async remove(identity) {
        await orAbsent(scheduler.send(new DeleteScheduleCommand(keyOf(identity))));
      },
      outputs(identity, said, live) {
        const name = part(identity, 'schedule');
        const path = `${part(identity, 'group')}/${name}`;
        const arn = live?.outputs?.['arn'] || `arn:aws:scheduler:${where.region}:${where.account}:schedule/${path}`;
        return { ...said, name, id: path, arn };
      },
    }),
  ];
}

function keyOf(identity: Identity): { Name: string; GroupName: string } {
  return { Name: part(identity, 'schedule'), GroupName: part(identity, 'group') };
}

function fieldsOf(said: Inputs): Record<string, Json> {
  return {
    expression: said.scheduleExpression,
    timezone: said.scheduleExpressionTimezone,
    description: said.description,
    state: said.state,
    target: said.target.arn,
    role: said.target.roleArn,
    input: fromJson(said.target.input),
    retries: said.target.retryPolicy.maximumRetryAttempts ?? null,
    deadLetters: said.target.deadLetterConfig?.arn ?? null,
  };
}

function liveFields(live: GetScheduleCommandOutput): Record<string, Json> {
  return {
    expression: live.ScheduleExpression ?? null,
    timezone: live.ScheduleExpressionTimezone ?? 'UTC',
    description: live.Description ?? '',
    state: live.State ?? null,
    ...targetFields(live.Target),
  };
}

function targetFields(target: GetScheduleCommandOutput['Target']): Record<string, Json> {
  return {
    target: target?.Arn ?? null,
    role: target?.RoleArn ?? null,
    input: fromJson(target?.Input),
    retries: target?.RetryPolicy?.MaximumRetryAttempts ?? null,
    deadLetters: target?.DeadLetterConfig?.Arn ?? null,
  };
}

function settingsOf(said: Inputs) {
  const { arn, roleArn, input, retryPolicy, deadLetterConfig } = said.target;
  return {
    ScheduleExpression: said.scheduleExpression,
    ScheduleExpressionTimezone: said.scheduleExpressionTimezone,
    FlexibleTimeWindow: { Mode: said.flexibleTimeWindow.mode },
    State: said.state,
    ...(said.description && { Description: said.description }),
    Target: {
      Arn: arn,
      RoleArn: roleArn,
      ...(input && { Input: input }),
      RetryPolicy: {
        MaximumRetryAttempts: retryPolicy.maximumRetryAttempts,
        MaximumEventAgeInSeconds: retryPolicy.maximumEventAgeInSeconds,
      },
      ...(deadLetterConfig && { DeadLetterConfig: { Arn: deadLetterConfig.arn } }),
    },
  };
}
