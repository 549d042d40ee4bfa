import { added, NOTHING, scaled, total, type Usage } from './cost-model.ts';
import { MONTH_HOURS, MONTH_S, NODE_MONTH, PRICES } from './cost-prices.ts';

/** What an installation costs while nothing happens, per month. Pure. */

/** What is there, by the topology of a stage. */
export type Installation = {
  readonly clusters: number;
  readonly mappings: number;
  readonly alarms: number;
  readonly secrets: number;
  /** Series of embedded metrics: name by values of its labels. */
  readonly metrics: number;
};

/** How often, and how much one costs: as counted on the deployed system. */
export type Pace = {
  readonly heartbeatS: number;
  readonly tickS: number;
  readonly sweepS: number;
  readonly heartbeat: Usage;
  /** Without its reads, which grow with the fleet. */
  readonly tick: Usage;
  readonly sweep: Usage;
};

/** Pollers of a mapping that has nothing to do: a limit of concurrency keeps all five. */
const POLLERS = 5;
const LONG_POLL_S = 20;
/** Of a target in the list that a tick reads. */
const TARGET_BYTES = 300;

/** Dollars a month by line. */
export type Rest = {
  readonly polling: number;
  readonly heartbeats: number;
  readonly ticks: number;
  readonly alarms: number;
  readonly secrets: number;
  readonly metrics: number;
};

export function atRest({ clusters, mappings, alarms, secrets, metrics }: Installation, pace: Pace): Rest {
  const polls = (mappings * POLLERS * MONTH_S) / LONG_POLL_S;
  const ticks = MONTH_S / pace.tickS;
  const sweeps = MONTH_S / pace.sweepS;
  const looks: Usage = { ...NOTHING, readUnits: tickReads(clusters) * (ticks + sweeps) };
  return {
    polling: polls * PRICES.sqsRequest,
    heartbeats: total(scaled(pace.heartbeat, (clusters * MONTH_S) / pace.heartbeatS)),
    ticks:
      total(added(scaled(pace.tick, ticks), scaled(pace.sweep, sweeps), looks)) + sweeps * PRICES.scheduleInvocation,
    alarms: alarms * PRICES.alarmMonth,
    secrets: secrets * PRICES.secretMonth,
    metrics: metrics * PRICES.metricMonth,
  };
}

/** The list of all targets, by 4 KiB, and when each was last seen. */
export const tickReads = (clusters: number): number =>
  Math.max(1, Math.ceil((clusters * TARGET_BYTES) / 4096)) + clusters;

/** Command queues that a member's relay polls: one long poll each. For pull, which is not what functions use today. */
export const commandPolling = (clusters: number): number => ((clusters * MONTH_S) / LONG_POLL_S) * PRICES.sqsRequest;

/** A relay in each member has 50 millicores of a node of two: a share of the node's price. */
export const relayPods = (clusters: number): number => clusters * NODE_MONTH.large * (0.05 / 2);

/** The hub's relay on Fargate, 0.25 vCPU and 0.5 GB each. */
export const hubRelay = (replicas: number): number =>
  replicas * MONTH_HOURS * (0.25 * PRICES.fargateCpuHour + 0.5 * PRICES.fargateGbHour);

const EKS_MONTH = MONTH_HOURS * PRICES.eksHour;

/** kcp is always on: a managed control plane and three nodes for it and its etcd. */
export const kcp = (): number => EKS_MONTH + 3 * NODE_MONTH.large;

/** Karmada: a control plane in high availability with nodes by the size of the fleet, and an agent in each member. The sizes are an assumption. */
export function karmada(clusters: number): { readonly plane: number; readonly agents: number } {
  const node = clusters <= 10 ? NODE_MONTH.xlarge : clusters <= 100 ? NODE_MONTH['2xlarge'] : NODE_MONTH['4xlarge'];
  return { plane: EKS_MONTH + 3 * node, agents: clusters * AGENT_MONTH };
}

/** 40 millicores and 266 MB of a node of two cores and 8 GB: the larger share, of memory. */
const AGENT_MONTH = NODE_MONTH.large * (266 / 8000);
