import { join } from 'node:path';
import { compile, fetchJars, startJava } from './java.ts';
import { type Emulator, freePort } from './server.ts';

/** DynamoDB Local in memory, on a free loopback port. */
export async function startDynamoDb(): Promise<Emulator> {
  const home = await fetchJars('dynamodb', (folder) => compile('dynamodb/LoopbackDynamoDb.java', folder));
  const libs = join(home, 'libs');
  const port = await freePort();
  const native = [`-Djava.library.path=${libs}`, `-Dsqlite4java.library.path=${libs}`];
  const main = ['-cp', `${join(home, 'classes')}:${join(libs, '*')}`, 'LoopbackDynamoDb'];
  return startJava([...native, ...main, '-port', String(port), '-inMemory', '-sharedDb'], port);
}
