type Env = Readonly<Record<string, string | undefined>>;

/** What an endpoint on this machine accepts, and AWS never: emulators look at nothing but the form. */
const LOCAL_CREDENTIALS = { accessKeyId: 'test', secretAccessKey: 'test' } as const;

const LOCAL_HOST = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\]|(.+\.)?localhost(\.localstack\.cloud)?)$/;
const AWS_HOST = /\.(amazonaws\.com(\.cn)?|api\.aws)$/;

/**
 * Fixed credentials for an endpoint on this machine, where the environment names none; undefined for every other one, whose
 * credentials the SDK finds by itself.
 */
export function localCredentials(endpoint: string | undefined, env: Env): typeof LOCAL_CREDENTIALS | undefined {
  const isNamed = [env['AWS_ACCESS_KEY_ID'], env['AWS_PROFILE']].some((value) => value !== undefined && value !== '');
  if (isNamed || endpoint === undefined || !URL.canParse(endpoint)) return undefined;
  return LOCAL_HOST.test(new URL(endpoint).hostname) ? LOCAL_CREDENTIALS : undefined;
}

/** The service behind queue URLs that are not of AWS, where all are of one: its other services answer there too. */
export function endpointOfQueues(urls: readonly string[]): string | undefined {
  const origins = new Set(urls.filter((url) => URL.canParse(url)).map(originOf));
  const [origin] = origins;
  if (origins.size !== 1 || origin === undefined) return undefined;
  return AWS_HOST.test(new URL(origin).hostname) ? undefined : origin;
}

/** LocalStack may put the service and the region before its own name. */
function originOf(url: string): string {
  const { protocol, host } = new URL(url);
  return `${protocol}//${host.replace(/^sqs\.[a-z0-9-]+\.(?=localhost)/, '')}`;
}
