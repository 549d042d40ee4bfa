import type { DemoContext } from '@tmc/cli/demo/steps.ts';
import type { Deployment } from '../../stacks/outputs.ts';
import { type Clients, clientsOf } from './clients.ts';
import { deployCommand, forgetDeployment } from './deploy-process.ts';
import { redirect } from './functions.ts';
import { type Prepared, prepare, unprepare } from './installation.ts';
import { keepLogs } from './logs.ts';
import { type Recorder, startRecorder } from './recorder.ts';
import { type Relays, startRelays } from './relays.ts';
import type { Servers } from './servers.ts';
import type { Target } from './target.ts';

/** One installation under test, from the operator's preparations to the running relays. */
export class System<S extends Servers = Servers> {
  readonly target: Target;
  readonly servers: S;
  readonly clients: Clients;
  readonly recorder: Recorder;
  readonly prepared: Prepared;
  #deployment: Deployment | undefined;
  #relays: Relays | undefined;

  private constructor(parts: Pick<System<S>, 'target' | 'servers' | 'clients' | 'recorder' | 'prepared'>) {
    this.target = parts.target;
    this.servers = parts.servers;
    this.clients = parts.clients;
    this.recorder = parts.recorder;
    this.prepared = parts.prepared;
  }

  /** Prepares everything a deployment needs; nothing is deployed yet. Takes the servers over, also when it fails. */
  static async prepare<S extends Servers>(target: Target, servers: S): Promise<System<S>> {
    const clients = clientsOf(target.endpoint);
    try {
      const recorder = await startRecorder(target.endpoint);
      return new System({ target, servers, clients, recorder, prepared: await prepare(target, servers, clients) });
    } catch (error) {
      clients.close();
      await servers.close();
      throw error;
    }
  }

  /** What the last deployment said. @throws Error before there was one. */
  get deployment(): Deployment {
    if (!this.#deployment) throw new Error('nothing is deployed yet');
    return this.#deployment;
  }

  deployed(deployment: Deployment | undefined): void {
    if (!deployment) throw new Error('the deployment did not say what it made');
    this.#deployment = deployment;
  }

  removed(): void {
    this.#deployment = undefined;
  }

  get context(): DemoContext {
    return this.servers.context;
  }

  /** Starts the relays, and lets them and the functions call AWS through the recorder. */
  async connect(): Promise<void> {
    const { clients, deployment, recorder, servers } = this;
    await redirect(clients, deployment, recorder.urlFor);
    this.#relays = await startRelays({ servers, deployment, endpointFor: recorder.urlFor });
  }

  /** @throws Error while they are not running. */
  get relays(): Relays {
    if (!this.#relays) throw new Error('the relays do not run');
    return this.#relays;
  }

  /** Stops the relays and leaves what everybody logged; the deployment stays. */
  async disconnect(): Promise<void> {
    await this.#relays?.stopAll();
    this.#relays = undefined;
    if (!this.#deployment) return;
    const { clients, target, servers } = this;
    await keepLogs(clients, this.#deployment, { name: target.name, relayLogs: servers.folder });
  }

  /** Ends everything; a deployment that is still there is removed, for the endpoint may be used by others. */
  async close(): Promise<void> {
    await this.disconnect();
    if (this.#deployment) await deployCommand(this.prepared, 'remove');
    forgetDeployment(this.prepared);
    await unprepare(this.prepared, this.clients);
    await this.recorder.stop();
    this.clients.close();
    await this.servers.close();
  }
}
