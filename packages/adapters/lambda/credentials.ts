import { fromEnv } from '@aws-sdk/credential-provider-env';

/**
 * Stands in for the SDK's whole credential chain in function bundles: Lambda always gives credentials in the environment, and the
 * chain's other ends (SSO, profiles, web identity) would be a tenth of every bundle.
 */
export const defaultProvider = () => fromEnv();
