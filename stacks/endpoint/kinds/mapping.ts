import {
  CreateEventSourceMappingCommand,
  DeleteEventSourceMappingCommand,
  type EventSourceMappingConfiguration,
  type FunctionResponseType,
  type LambdaClient,
  ListEventSourceMappingsCommand,
  UpdateEventSourceMappingCommand,
} from '@aws-sdk/client-lambda';
import * as z from 'zod';
import type { Clients } from '../clients.ts';
import { orAbsent } from '../failure.ts';
import { type Identity, type Json, type Kind, kind, part } from '../kind.ts';
import { until } from '../until.ts';
import { unqualified } from './function-name.ts';

const inputs = z.strictObject({
  eventSourceArn: z.string(),
  functionName: z.string(),
  enabled: z.boolean().default(true),
  batchSize: z.number().default(10),
  maximumBatchingWindowInSeconds: z.number().default(0),
  functionResponseTypes: z.array(z.literal('ReportBatchItemFailures')).default([]),
  scalingConfig: z.strictObject({ maximumConcurrency: z.number() }).optional(),
  filterCriteria: z.strictObject({ filters: z.array(z.strictObject({ pattern: z.string() })) }).optional(),
});
type Inputs = z.infer<typeof inputs>;

/** Mappings from a queue to a function; the endpoint names them itself, so they are found by the two. */
export function mappingKinds({ lambda }: Pick<Clients, 'lambda'>): Kind[] {
  return [
    kind<Inputs>({
      type: 'aws:lambda/eventSourceMapping:EventSourceMapping',
      noun: 'event source mapping',
      inputs,
      identify: ({ eventSourceArn, functionName }) => ({
        source: eventSourceArn,
        function: unqualified(functionName),
      }),
      fields: fieldsOf,
      async read(identity) {
        const live = await find(lambda, identity);
        return live && { fields: liveFields(live), outputs: { uuid: live.UUID ?? '', arn: live.FunctionArn ?? '' } };
      },
      async create(identity, said) {
        const EventSourceArn = part(identity, 'source');
        await lambda.send(new CreateEventSourceMappingCommand({ EventSourceArn, ...settingsOf(said) }));
        await settled(lambda, identity);
      },
      async update(identity, said) {
        await settled(lambda, identity);
        const { UUID } = (await find(lambda, identity)) ?? {};
        await lambda.send(new UpdateEventSourceMappingCommand({ UUID, ...settingsOf(said) }));
        await settled(lambda, identity);
      },
      remove: (identity) => remove(lambda, identity),
      outputs(identity, said, live) {
        const uuid = live?.outputs?.['uuid'] ?? `${identity['function']}-${identity['source']}`;
        return { ...said, id: uuid, uuid, functionArn: live?.outputs?.['arn'] ?? said.functionName };
      },
    }),
  ];
}

function fieldsOf(said: Inputs): Record<string, Json> {
  return {
    function: said.functionName,
    enabled: said.enabled,
    batchSize: said.batchSize,
    window: said.maximumBatchingWindowInSeconds,
    responses: said.functionResponseTypes,
    concurrency: said.scalingConfig?.maximumConcurrency ?? null,
    filters: said.filterCriteria?.filters.map(({ pattern }) => pattern) ?? [],
  };
}

function liveFields(live: EventSourceMappingConfiguration): Record<string, Json> {
  return {
    function: live.FunctionArn ?? null,
    enabled: !live.State?.startsWith('Disabl'),
    batchSize: live.BatchSize ?? null,
    window: live.MaximumBatchingWindowInSeconds ?? 0,
    responses: live.FunctionResponseTypes ?? [],
    concurrency: live.ScalingConfig?.MaximumConcurrency ?? null,
    filters: live.FilterCriteria?.Filters?.map(({ Pattern = '' }) => Pattern) ?? [],
  };
}

function settingsOf(said: Inputs) {
  return {
    FunctionName: said.functionName,
    Enabled: said.enabled,
    BatchSize: said.batchSize,
    MaximumBatchingWindowInSeconds: said.maximumBatchingWindowInSeconds,
    FunctionResponseTypes: said.functionResponseTypes as FunctionResponseType[],
    // An empty configuration takes the limit away.
    ScalingConfig: said.scalingConfig ? { MaximumConcurrency: said.scalingConfig.maximumConcurrency } : {},
    FilterCriteria: { Filters: said.filterCriteria?.filters.map(({ pattern: Pattern }) => ({ Pattern })) ?? [] },
  };
}

async function find(lambda: LambdaClient, identity: Identity): Promise<EventSourceMappingConfiguration | undefined> {
  const answer = await orAbsent(
    lambda.send(new ListEventSourceMappingsCommand({ EventSourceArn: part(identity, 'source') })),
  );
  const mappings = answer?.EventSourceMappings ?? [];
  return mappings.find(({ FunctionArn = '' }) => unqualified(FunctionArn) === part(identity, 'function'));
}

async function remove(lambda: LambdaClient, identity: Identity): Promise<void> {
  const live = await find(lambda, identity);
  if (!live) return;
  if (live.State !== 'Deleting') {
    await settled(lambda, identity);
    await orAbsent(lambda.send(new DeleteEventSourceMappingCommand({ UUID: live.UUID })));
  }
  await until('the event source mapping to be gone', async () => (await find(lambda, identity))?.State);
}

/** A mapping that is still being made or changed refuses the next change. */
function settled(lambda: LambdaClient, identity: Identity): Promise<void> {
  return until('the event source mapping to be ready', async () => {
    const state = (await find(lambda, identity))?.State ?? 'it is not there';
    return state === 'Enabled' || state === 'Disabled' ? undefined : state;
  });
}
