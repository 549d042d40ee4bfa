/** The relay as a program of its own: `node relay.mjs --config relay.yaml`. Exit codes as `tmc run`. */
import { parseArgs } from 'node:util';
import { explain } from './explain.ts';
import { runRelay } from './relay.ts';
import { optionName, RELAY_FLAGS, type RelayOptions, relayFlagsHelp } from './relay-options.ts';

const USAGE = `Runs one relay: from a hub or a member cluster to SQS, with checkpoints in DynamoDB.

  node relay.mjs --config <file>
  node relay.mjs --hub <kubeconfig> --workspace <name> --deployment <file>
  node relay.mjs --member <name> --kubeconfig <file> --sync-target <workspace/name> --deployment <file>

${relayFlagsHelp()}
  --help  this text
`;

function readArguments(): { readonly help: boolean; readonly options: RelayOptions } {
  const flags = Object.fromEntries(
    RELAY_FLAGS.map((option) => [option.flag, { type: 'string' as const, multiple: 'many' in option }]),
  );
  try {
    const { values } = parseArgs({ options: { ...flags, help: { type: 'boolean', default: false } } });
    const { help, ...given } = values;
    return {
      help: help === true,
      options: Object.fromEntries(Object.entries(given).map(([flag, value]) => [optionName(flag), value])),
    };
  } catch (error) {
    process.stderr.write(`${explain(error)}\n\n${USAGE}`);
    process.exit(2);
  }
}

const { help, options } = readArguments();
if (help) {
  process.stdout.write(USAGE);
  process.exit(0);
}
try {
  await runRelay(options);
} catch (error) {
  console.error(explain(error));
  process.exit(1);
}
