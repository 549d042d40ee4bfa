import { join } from 'node:path';
import { fetchJars, startJava } from './java.ts';
import { type Emulator, freePort } from './server.ts';

/** DynamoDB Local in memory, on a free loopback port if none is said. */
export async function startDynamoDb(port?: number): Promise<Emulator> {
  const home = await dynamoDbFolder();
  const libs = join(home, 'libs');
  const chosen = port ?? (await freePort());
  const native = [`-Djava.library.path=${libs}`, `-Dsqlite4java.library.path=${libs}`];
  const main = ['-cp', `${join(home, 'classes')}:${join(libs, '*')}`, 'LoopbackDynamoDb'];
  return startJava([...native, ...main, '-port', String(chosen), '-inMemory', '-sharedDb'], chosen);
}

/** The folder with DynamoDB Local: its jars in `libs`, our main class in `classes`. */
export function dynamoDbFolder(): Promise<string> {
  return fetchJars('dynamodb', 'LoopbackDynamoDb.java');
}
