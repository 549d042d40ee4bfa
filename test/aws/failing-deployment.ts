import { deployToEndpoint } from '../../stacks/endpoint.ts';

/**
 * Plans a deployment in this process and prints what became of it: `node failing-deployment.ts <endpoint> <app> <fleet> <artifacts>`.
 * A process of its own, since the program runs once per process, and to see what it leaves there to the end.
 */

const [endpoint = '', app = '', fleet = '', artifacts = ''] = process.argv.slice(2);
const listeners = (): number => process.listenerCount('unhandledRejection');
const before = listeners();
const options = { endpoint, app, stage: 'dev', region: 'us-east-1', environment: {}, fleet, artifacts };
const outcome = await deployToEndpoint({ ...options, isDry: true, onChange: () => undefined }).then(
  () => 'it succeeded',
  (error: Error) => error.message,
);
console.log(JSON.stringify({ outcome, left: listeners() - before }));
