import { type Identity, part, type Where } from '../kind.ts';

/** Which function, and which version or alias of it. */
export function atFunction(name: string, qualifier: string | undefined): Identity {
  return { function: unqualified(name), ...(qualifier !== undefined && { qualifier }) };
}

/** The same, as calls of Lambda take it. */
export function target(identity: Identity): { FunctionName: string; Qualifier?: string } {
  const qualifier = identity['qualifier'];
  return { FunctionName: part(identity, 'function'), ...(qualifier !== undefined && { Qualifier: qualifier }) };
}

/** The name alone, of a name or an ARN with or without a qualifier. */
export function unqualified(nameOrArn: string): string {
  return nameOrArn.startsWith('arn:') ? (nameOrArn.split(':')[6] ?? nameOrArn) : nameOrArn;
}

/** What Lambda will call a function of this name. */
export function functionArn({ region, account }: Pick<Where, 'region' | 'account'>, name: string): string {
  return `arn:aws:lambda:${region}:${account}:function:${name}`;
}
