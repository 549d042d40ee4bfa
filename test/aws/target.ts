import { CAPABILITIES, type Capabilities } from '../emulators/aws-emulator.ts';

/** Where the tests deploy to: an endpoint that speaks like AWS and executes functions, and what it can do. */
export type Target = {
  readonly name: 'ministack' | 'localstack';
  readonly endpoint: string;
  readonly capabilities: Capabilities;
};

/**
 * The target that `EMULATOR_ENDPOINT` and `EMULATOR_NAME` name; undefined when neither is set.
 * @throws Error when only one is set, or the name is none of an emulator.
 */
export function targetFrom(env: NodeJS.ProcessEnv): Target | undefined {
  const { EMULATOR_ENDPOINT: endpoint, EMULATOR_NAME: name } = env;
  if (!endpoint && !name) return undefined;
  if (endpoint && (name === 'ministack' || name === 'localstack')) {
    return { name, endpoint, capabilities: CAPABILITIES[name] };
  }
  throw new Error(
    `EMULATOR_ENDPOINT is "${endpoint ?? ''}" and EMULATOR_NAME "${name ?? ''}": set both, the name to ministack or localstack`,
  );
}
