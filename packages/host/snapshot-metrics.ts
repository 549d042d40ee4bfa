import type { Metric, MetricValue, Registry } from 'prom-client';

type Labels = Readonly<Record<string, string>>;

/** One series of a metric at the time of a scrape. */
export type Sample = { readonly labels: Labels; readonly value: number };

/** A distribution that somebody else counts: `counts[i]` values were at most `bounds[i]`, the last count is of all above. */
export type HistogramSample = {
  readonly labels: Labels;
  readonly bounds: readonly number[];
  readonly counts: readonly number[];
  readonly sum: number;
};

type Description = { readonly name: string; readonly help: string };

/** Registers a metric whose values are read when somebody scrapes: nothing is counted twice, and idling costs nothing. */
export function registerSamples(
  registry: Registry,
  { name, help, type }: Description & { readonly type: 'counter' | 'gauge' },
  read: () => Iterable<Sample>,
): void {
  const values = () => [...read()].map(({ labels, value }) => ({ labels, value }));
  register(registry, { name, help, type }, values);
}

/** Registers a histogram likewise. */
export function registerHistogram(registry: Registry, about: Description, read: () => Iterable<HistogramSample>): void {
  register(registry, { ...about, type: 'histogram' }, () =>
    [...read()].flatMap((sample) => series(about.name, sample)),
  );
}

type Value = MetricValue<string> & { readonly metricName?: string };

/** Cumulative buckets, sum and count, as the text format wants them. */
function series(name: string, { labels, bounds, counts, sum }: HistogramSample): Value[] {
  let count = 0;
  const buckets = counts.map((more, i): Value => {
    count += more;
    const le = i < bounds.length ? String(bounds[i]) : '+Inf';
    return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: count };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  ];
}

/** prom-client's registry asks a metric for nothing but its name and, when scraped, these five. */
function register(
  registry: Registry,
  about: Description & { readonly type: 'counter' | 'gauge' | 'histogram' },
  values: () => Value[],
): void {
  const metric = { name: about.name, get: async () => ({ ...about, values: values(), aggregator: 'sum' }) };
  registry.registerMetric(metric as unknown as Metric);
}
