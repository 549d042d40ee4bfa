import type { Log, Meter } from '@tmc/adapters/lambda/telemetry.ts';
import { pino } from 'pino';
import { Counter, Histogram, Registry } from 'prom-client';

/** JSON lines on standard error; credentials are cut out wherever a careless field might carry one. */
export function createLog(level: 'debug' | 'info' | 'warn' | 'error' | 'silent'): Log {
  const options = { level, base: null, redact: { paths: ['*.token', '*.data', '*.stringData', 'authorization'] } };
  return pino(options, pino.destination({ fd: 2, sync: false }));
}

/** Seconds; from an in-process hop to a message that waited for its last attempt. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300];

/** A meter on a registry of its own; instruments are made at first use, with the label names of that use. */
export function createMeter(): Meter & { readonly registry: Registry } {
  const registry = new Registry();
  const counters = new Map<string, Counter>();
  const histograms = new Map<string, Histogram>();
  return {
    registry,
    count(name, labels, by = 1) {
      let counter = counters.get(name);
      if (!counter) {
        counter = new Counter({ name, help: name, labelNames: Object.keys(labels), registers: [registry] });
        counters.set(name, counter);
      }
      counter.inc(labels, by);
    },
    observe(name, labels, values) {
      let histogram = histograms.get(name);
      if (!histogram) {
        const labelNames = Object.keys(labels);
        histogram = new Histogram({ name, help: name, labelNames, buckets: BUCKETS, registers: [registry] });
        histograms.set(name, histogram);
      }
      for (const value of values) histogram.observe(labels, value);
    },
  };
}
