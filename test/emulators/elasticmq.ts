import { join } from 'node:path';
import { fetchJars, startJava } from './java.ts';
import { type Emulator, freePort } from './server.ts';

/** ElasticMQ, an SQS server in memory, on a free loopback port if none is said. */
export async function startElasticMq(wanted?: number): Promise<Emulator> {
  const home = await fetchJars('elasticmq');
  const port = wanted ?? (await freePort());
  const settings = [
    '-Drest-sqs.bind-hostname=127.0.0.1',
    `-Drest-sqs.bind-port=${port}`,
    '-Dnode-address.host=127.0.0.1',
    `-Dnode-address.port=${port}`,
    '-Drest-stats.enabled=false',
  ];
  return startJava([...settings, '-cp', join(home, 'libs', '*'), 'org.elasticmq.server.Main'], port);
}
