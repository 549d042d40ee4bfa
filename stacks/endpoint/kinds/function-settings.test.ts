import { expect, it } from 'vitest';
import { functionSettingKinds } from './function-settings.ts';

const WHERE = {
  app: 'tmc',
  stage: 'staging',
  account: '000000000000',
  region: 'eu-west-1',
  endpoint: 'http://127.0.0.1:4566',
  bucket: 'b',
};
const ARN = 'arn:aws:lambda:eu-west-1:000000000000:function:tmc-sweep';

/** Asks for nothing: what is not there yet is foretold from inputs only. */
const alias = functionSettingKinds({ lambda: undefined as never }, WHERE).find(({ noun }) => noun === 'alias');

it.each(['tmc-sweep', ARN, `${ARN}:3`])('foretells the ARN that Lambda gives an alias, of %s', async (name) => {
  const planned = await alias!.plan({ name: 'live', functionName: name, functionVersion: '1' }, 'SweepLive');
  expect(planned.outputs(undefined, true)).toMatchObject({
    arn: `${ARN}:live`,
    id: `${ARN}:live`,
    invokeArn: `arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/${ARN}:live/invocations`,
  });
});
