/** `npm run sst:install`: the platform of SST, as tests and deployments need it. Says something on a terminal only, unless it fails. */
import { ensureSstPlatform } from './sst-platform.ts';

const say = process.stderr.isTTY ? (text: string) => console.error(text) : () => undefined;
try {
  await ensureSstPlatform(say);
} catch (error) {
  console.error((error as Error).message);
  process.exit(1);
}
