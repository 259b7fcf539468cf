import type { ClientRules } from '../../activities/clients';

/** A worker without an owner's secret, which allows other clients nothing. */
export const NOBODY: ClientRules = { secret: () => null, allowed: new Set() };
