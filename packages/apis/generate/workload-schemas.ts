/**
 * Writes `generated/<resource>.json`: the schemas of the built-in kinds we export to kcp, from the OpenAPI documents of a real API
 * server. Usage:
 *
 *   kubectl get --raw /openapi/v3/apis/apps/v1 > apps.json
 *   kubectl get --raw /openapi/v3/api/v1 > core.json
 *   node scripts/run.mjs packages/apis/generate/workload-schemas.ts apps.json core.json
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { EXPORTED_BUILTINS } from '../builtins.ts';
import { type OpenApiDocument, reduceOpenApi } from './reduce-openapi.ts';

const [appsFile, coreFile] = process.argv.slice(2);
if (!appsFile || !coreFile) {
  console.error('usage: workload-schemas.ts <openapi of apps/v1> <openapi of core v1>');
  process.exit(2);
}
const documents: Record<string, string> = { apps: appsFile, '': coreFile };
for (const { resource } of EXPORTED_BUILTINS) {
  const document = JSON.parse(readFileSync(documents[resource.group] ?? '', 'utf8')) as OpenApiDocument;
  const file = new URL(`../generated/${resource.resource}.json`, import.meta.url);
  writeFileSync(file, `${JSON.stringify(reduceOpenApi(document, resource))}\n`);
  console.log(`wrote ${file.pathname}`);
}
