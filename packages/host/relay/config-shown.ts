import { isPath, isRecord } from './config-source.ts';

const HIDDEN = 'a value that is not shown';

/**
 * Settings as messages may show them: without credentials, kubeconfigs, and whatever stands where a group of settings was expected,
 * which may be either.
 */
export function shownSettings(input: unknown): unknown {
  if (!isRecord(input)) return input === undefined || input === null ? input : HIDDEN;
  return {
    ...input,
    ...within(input, 'aws', (aws) => within(aws, 'credentials', hideAll)),
    ...within(input, 'hub', hideKubeconfig),
    ...within(input, 'member', hideKubeconfig),
  };
}

type Fields = Record<string, unknown>;

/** The field replaced by what may be shown of it; nothing when it is absent. */
function within(parent: Fields, name: string, show: (value: Fields) => Fields): Fields {
  const value = parent[name];
  if (value === undefined) return {};
  return { [name]: isRecord(value) ? { ...value, ...show(value) } : HIDDEN };
}

const hideAll = (fields: Fields): Fields => Object.fromEntries(Object.keys(fields).map((name) => [name, HIDDEN]));

function hideKubeconfig({ kubeconfig, kubeconfigData }: Fields): Fields {
  const isShown = kubeconfig === undefined || (typeof kubeconfig === 'string' && isPath(kubeconfig));
  return {
    ...(kubeconfigData !== undefined && { kubeconfigData: HIDDEN }),
    ...(!isShown && { kubeconfig: HIDDEN }),
  };
}
