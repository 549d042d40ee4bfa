/** The relay as a program of its own: `node relay.mjs --config relay.yaml`. Exit codes as `tmc run`. */
import { parseArgs } from 'node:util';
import { explain } from './explain.ts';
import { runRelay } from './relay.ts';

const USAGE = `Runs one relay: from a hub or a member cluster to SQS, with checkpoints in DynamoDB.

  node relay.mjs --config <file>

  --config  configuration (YAML or JSON), default relay.yaml
  --help    this text
`;

function readArguments() {
  try {
    const { values } = parseArgs({
      options: { config: { type: 'string', default: 'relay.yaml' }, help: { type: 'boolean', default: false } },
    });
    return values;
  } catch (error) {
    process.stderr.write(`${explain(error)}\n\n${USAGE}`);
    process.exit(2);
  }
}

const { config, help } = readArguments();
if (help) {
  process.stdout.write(USAGE);
  process.exit(0);
}
try {
  await runRelay(config);
} catch (error) {
  console.error(explain(error));
  process.exit(1);
}
