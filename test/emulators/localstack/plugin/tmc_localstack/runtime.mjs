// The Node side of a sandbox: `node runtime.mjs <descriptor> <mark>`. Loads `_HANDLER` from the working folder, then answers events, one
// at a time, as lines of JSON through the socket of that descriptor. Ends when the socket does. Node 24 alone: no callbacks.
import { existsSync } from 'node:fs';
import { Socket } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { formatWithOptions } from 'node:util';

const [descriptor, mark] = process.argv.slice(2);
const channel = new Socket({ fd: Number(descriptor) });
const json = process.env['AWS_LAMBDA_LOG_FORMAT'] === 'JSON';
let current;

channel.on('error', () => process.exit(0));
channel.on('close', () => process.exit(0));
process.on('uncaughtException', (error) => die('Runtime.UncaughtException', error));
process.on('unhandledRejection', (reason) => die('Runtime.UnhandledPromiseRejection', reason));
formatConsole();

const handler = await load().catch((error) => {
  console.error('Uncaught Exception', error);
  say({ initError: describe(error) });
});
if (handler !== undefined) {
  say({ ready: true });
  for await (const line of createInterface({ input: channel })) await answer(JSON.parse(line));
}

async function answer(invocation) {
  current = invocation;
  process.env['_X_AMZN_TRACE_ID'] = invocation.trace;
  try {
    const result = await handler(JSON.parse(invocation.event), contextOf(invocation));
    await finish({ result: JSON.stringify(result ?? null) });
  } catch (error) {
    console.error('Invoke Error', describe(error));
    await finish({ error: describe(error) });
  }
}

async function finish(said, after) {
  current = undefined;
  await endOutput();
  say(said, after);
}

/** Marks the end of this invocation's output, once all of it is in the one pipe that both streams write to. */
async function endOutput() {
  await new Promise((written) => process.stderr.write('', written));
  await new Promise((written) => process.stdout.write(mark, written));
}

function say(message, after) {
  channel.write(`${JSON.stringify(message)}\n`, after);
}

/** What nobody caught ends the process; the event it came from fails. */
function die(type, error) {
  const said = { ...describe(error), errorType: type };
  console.error(said);
  void finish(current === undefined ? { initError: said } : { error: said }, () => process.exit(128));
}

/** The function of `folder/file.export`, as Lambda finds it. */
async function load() {
  const name = process.env['_HANDLER'] ?? '';
  const [file, ...path] = basename(name).split('.');
  const stem = join(process.cwd(), dirname(name), file);
  const module = ['.mjs', '.js', '.cjs']
    .map((extension) => stem + extension)
    .find((candidate) => existsSync(candidate));
  if (path.length === 0) throw fault('Runtime.MalformedHandlerName', `Bad handler ${name}`);
  if (module === undefined) throw fault('Runtime.ImportModuleError', `Error: Cannot find module '${file}'`);
  const exported = await imported(module);
  const found = [exported, exported.default].map((from) => path.reduce((value, key) => value?.[key], from));
  const chosen = found.find((value) => value !== undefined);
  if (typeof chosen !== 'function') throw fault('Runtime.HandlerNotFound', `${name} is undefined or not exported`);
  if (chosen.length > 2)
    throw fault('Runtime.CallbackHandlerDeprecated', `${name} takes a callback, which Node 24 has not`);
  return chosen;
}

async function imported(module) {
  try {
    return await import(pathToFileURL(module).href);
  } catch (error) {
    if (error instanceof SyntaxError) throw fault('Runtime.UserCodeSyntaxError', String(error), error);
    if (error?.code === 'ERR_MODULE_NOT_FOUND') throw fault('Runtime.ImportModuleError', String(error), error);
    throw error;
  }
}

function fault(type, message, cause) {
  return Object.assign(new Error(message, { cause }), { name: type });
}

function describe(error) {
  if (!(error instanceof Error)) return { errorType: typeof error, errorMessage: String(error), trace: [] };
  return { errorType: error.name, errorMessage: error.message, trace: (error.stack ?? '').split('\n') };
}

function contextOf({ id, arn, deadline }) {
  const { env } = process;
  return {
    awsRequestId: id,
    invokedFunctionArn: arn,
    functionName: env['AWS_LAMBDA_FUNCTION_NAME'],
    functionVersion: env['AWS_LAMBDA_FUNCTION_VERSION'],
    memoryLimitInMB: env['AWS_LAMBDA_FUNCTION_MEMORY_SIZE'],
    logGroupName: env['AWS_LAMBDA_LOG_GROUP_NAME'],
    logStreamName: env['AWS_LAMBDA_LOG_STREAM_NAME'],
    callbackWaitsForEmptyEventLoop: false,
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
  };
}

/** console.* as Lambda writes it: time, request and level before the text, or an object per line. */
function formatConsole() {
  for (const [method, level] of Object.entries({
    log: 'INFO',
    info: 'INFO',
    warn: 'WARN',
    error: 'ERROR',
    debug: 'DEBUG',
  })) {
    console[method] = (...values) => {
      const [timestamp, requestId] = [new Date().toISOString(), current?.id];
      const message = formatWithOptions({ colors: false }, ...values);
      const line = json
        ? JSON.stringify({ timestamp, level, requestId, message })
        : `${timestamp}\t${requestId ?? 'undefined'}\t${level}\t${message.replaceAll('\n', '\r')}`;
      process.stdout.write(`${line}\n`);
    };
  }
}
