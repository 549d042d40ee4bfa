import { Logger } from '@aws-lambda-powertools/logger';
import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { Metrics } from '@aws-lambda-powertools/metrics';
import type middy from '@middy/core';
import type { Environment, FunctionName } from './environment.ts';
import type { Log, Meter } from './telemetry.ts';

/** Log and metrics of a function, and the middlewares that tell them of each invocation. */
export type Telemetry = {
  readonly log: Log;
  readonly meter: Meter;
  readonly middlewares: readonly middy.MiddlewareObj[];
};

const METRICS = { namespace: 'ServerlessTMC', serviceName: 'tmc' };

/** Powertools for one function, as it is called in the topology: JSON lines with its name and the id of the request, embedded metrics. */
export function createTelemetry(name: FunctionName, level: Environment<'api'>['POWERTOOLS_LOG_LEVEL']): Telemetry {
  const logger = new Logger({ serviceName: 'tmc', logLevel: level, persistentKeys: { function: name } });
  const metrics = new Metrics(METRICS);
  return {
    log: logOf(logger),
    meter: meterOf(METRICS),
    middlewares: [
      // Said here, since a variable of Powertools could turn it on: events hold objects of users.
      injectLambdaContext(logger, { logEvent: false }),
      // Every metric is written when it is counted: there is nothing to publish at the end, which Powertools would warn of each time.
      { before: ({ context }) => metrics.captureColdStartMetric(context.functionName) },
    ],
  };
}

function logOf(logger: Logger): Log {
  return {
    debug: (fields, message) => logger.debug(message, fields),
    info: (fields, message) => logger.info(message, fields),
    warn: (fields, message) => logger.warn(message, fields),
    error: (fields, message) => logger.error(message, fields),
  };
}

/** Embedded metrics, a line for each call: the label values become one dimension set, so labels must stay few. */
function meterOf(settings: { readonly namespace: string; readonly serviceName: string }): Meter {
  const tell = (name: string, labels: Record<string, string>, unit: 'Count' | 'Seconds', values: readonly number[]) => {
    if (values.length === 0) return;
    const metrics = new Metrics(settings);
    metrics.addDimensions(labels);
    for (const value of values) metrics.addMetric(name, unit, value);
    metrics.publishStoredMetrics();
  };
  return {
    count: (name, labels, by = 1) => tell(name, labels, 'Count', [by]),
    observe: (name, labels, values) => tell(name, labels, 'Seconds', values),
  };
}
