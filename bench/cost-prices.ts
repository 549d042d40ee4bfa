/**
 * List prices in US dollars, region us-east-1, without free tiers and discounts, collected in November 2026 from research and public
 * guides of 2026. The vendor's own pages decide: aws.amazon.com/{sqs,dynamodb,lambda,cloudwatch,eventbridge,secrets-manager,
 * fargate,ec2,eks}/pricing; Lambda and Fargate on arm64, nodes on demand. Check them before a decision.
 */
export const PRICES = {
  date: '2026-11',
  region: 'us-east-1',
  /** Per request of at most 64 KiB to a standard queue. */
  sqsRequest: 0.4e-6,
  /** On top for each request that sends with a message group. */
  sqsFairRequest: 0.1e-6,
  /** Per unit on demand: 1 KiB written, 4 KiB read strongly consistent. */
  writeUnit: 0.625e-6,
  readUnit: 0.125e-6,
  lambdaRequest: 0.2e-6,
  lambdaGbSecond: 13.3334e-6,
  /** Per byte that is written to a log. */
  logByte: 0.5e-9,
  scheduleInvocation: 1e-6,
  /** Per 10,000 calls 0.05. */
  secretCall: 5e-6,
  /** Per month. */
  alarmMonth: 0.1,
  metricMonth: 0.3,
  secretMonth: 0.4,
  /** Per hour. */
  fargateCpuHour: 0.03238,
  fargateGbHour: 0.00356,
  eksHour: 0.1,
} as const;

/** Hours of a month as AWS counts them. */
export const MONTH_HOURS = 730;
export const MONTH_S = MONTH_HOURS * 3600;

/** Nodes of a control plane that is always on, per month, rounded: m6i.large 70, xlarge 140, 2xlarge 280, 4xlarge 560. */
export const NODE_MONTH = { large: 70, xlarge: 140, '2xlarge': 280.3, '4xlarge': 560.6 } as const;
