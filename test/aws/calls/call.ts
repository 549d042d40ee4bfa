/** One call as IAM judges it. A transaction is several: one for each of its items. */
export type RecordedCall = {
  /** Who made it: the first part of the path, `unnamed` where there was none. */
  readonly identity: string;
  /** `sqs`, `dynamodb`, `ssm`, `secretsmanager`, `lambda`, `sts`, or `unknown` where nobody here can read it. */
  readonly service: string;
  /** The action IAM asks for: `sqs:SendMessage`, also for a batch; `unknown:<what was seen>` for what is not understood. */
  readonly action: string;
  /** ARN; `*` where the service knows none for the action. */
  readonly resource: string;
  /** Partition keys of the items that are touched, as `dynamodb:LeadingKeys` holds them; absent where the action has none. */
  readonly leadingKeys?: readonly string[];
  /** Messages or items in the call. */
  readonly items: number;
  /** Bytes of payload: messages sent or received for SQS (billed by 64 KiB), the size of items for DynamoDB, the body otherwise. */
  readonly bytes: number;
  /** Billed units of on-demand capacity: as told by the answer, else by the size of the items. */
  readonly readUnits?: number;
  readonly writeUnits?: number;
  /** HTTP status, 0 where no answer came. */
  readonly status: number;
  /** Number of the HTTP request, from 1: calls of one transaction share it. */
  readonly request: number;
};

/** A request and its answer, as the recorder saw them. */
export type Exchange = {
  readonly method: string;
  /** Path and query without the identity. */
  readonly path: string;
  /** `X-Amz-Target`. */
  readonly target?: string | undefined;
  readonly authorization?: string | undefined;
  readonly contentType?: string | undefined;
  readonly body: string;
  readonly status: number;
  readonly answer: string;
};

/** What one service's reader finds; the recorder adds who, when and the status. */
export type Reading = Omit<RecordedCall, 'identity' | 'status' | 'request'>;

/** A request to one service with its action as the protocol names it, bodies parsed. */
export type ServiceCall = {
  readonly operation: string;
  readonly region: string;
  readonly input: Body;
  readonly output: Body;
  readonly status: number;
};

/** Parsed JSON of which the reader knows the shape by the service's API. */
export type Body = Readonly<Record<string, unknown>>;

/** Account of the emulators; a queue's address tells its own. */
export const ACCOUNT = '000000000000';

/** The body's field as text. @throws Error naming the field that is not there. */
export function textOf(input: Body, field: string): string {
  const value = input[field];
  if (typeof value !== 'string') throw new Error(`no ${field}`);
  return value;
}

/** The body's field as a list of objects; none where it is absent. */
export function listOf(input: Body, field: string): readonly Body[] {
  return (input[field] as Body[] | undefined) ?? [];
}

export const bytesOf = (text: string): number => Buffer.byteLength(text);
