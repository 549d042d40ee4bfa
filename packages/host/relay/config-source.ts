import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseUserYaml } from '@tmc/adapters/kube/user-yaml.ts';
import { messageOf, terminalError } from '@tmc/kernel/errors.ts';

/** Settings as they were written, not checked yet, and what messages call the place they come from. */
export type RelaySettings = { readonly input: unknown; readonly from: string };

const VARIABLE = /^env:(.+)$/;

/**
 * The settings in a file, or in an environment variable (`env:NAME`) for services that hand secrets over that way. Relative paths in
 * a file start at its folder, those in a variable where the process runs.
 * @throws TmcError ConfigurationError when there is nothing to read, or it is no YAML; its text is never quoted.
 */
export function readRelaySettings(
  source: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): RelaySettings {
  const variable = VARIABLE.exec(source)?.[1];
  return variable === undefined ? fromFile(source) : fromVariable(variable, env[variable]);
}

/** The settings in this text; `path` names it in messages and is where relative paths start. @throws as {@link readRelaySettings}. */
export function parseRelaySettings(content: string, path: string): RelaySettings {
  return { input: absolutePaths(parsed(content, path), dirname(resolve(path))), from: path };
}

function fromFile(path: string): RelaySettings {
  let content: string;
  try {
    content = readFileSync(path, 'utf8');
  } catch (error) {
    throw terminalError(`cannot read the configuration ${path}: ${messageOf(error)}`, {
      type: 'ConfigurationError',
      hint: 'give the path of a file (--config relay.yaml), an environment variable that holds it (--config env:NAME), or say what to read by options (--hub or --member)',
      cause: error,
    });
  }
  return parseRelaySettings(content, path);
}

function fromVariable(name: string, content: string | undefined): RelaySettings {
  const from = `environment variable ${name}`;
  if (content === undefined || content.trim() === '') {
    throw terminalError(
      `cannot read the configuration from ${from}: it is ${content === undefined ? 'not set' : 'empty'}`,
      {
        type: 'ConfigurationError',
        hint: 'set it to the text of a relay.yaml, or give --config the path of a file',
      },
    );
  }
  return { input: absolutePaths(parsed(content, from), process.cwd()), from };
}

function parsed(content: string, from: string): unknown {
  try {
    return parseUserYaml(content);
  } catch (error) {
    throw terminalError(`${from}: ${messageOf(error)}`, { type: 'ConfigurationError', hint: 'mend the line named' });
  }
}

/** Kubeconfig paths made absolute; everything else, also what is wrong, as it is. */
function absolutePaths(input: unknown, folder: string): unknown {
  if (!isRecord(input)) return input;
  const sides = (['hub', 'member'] as const).flatMap((side) => {
    const at = input[side];
    if (!isRecord(at) || typeof at['kubeconfig'] !== 'string' || !isPath(at['kubeconfig'])) return [];
    return [[side, { ...at, kubeconfig: resolve(folder, at['kubeconfig']) }]];
  });
  return { ...input, ...Object.fromEntries(sides) };
}

/** A text with line breaks is the kubeconfig itself, in the wrong setting. */
export const isPath = (text: string): boolean => text !== '' && !text.includes('\n');

/** True for what YAML calls a mapping. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
