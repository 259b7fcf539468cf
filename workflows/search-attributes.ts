/**
 * Search attributes of every Flamingo workflow. They are registered by workers/namespace.ts; a list filter such as
 * `FlamingoExperiment = "demo"` finds an experiment with its configurations.
 */
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';

export const EXPERIMENT = defineSearchAttributeKey('FlamingoExperiment', SearchAttributeType.KEYWORD);
export const CONFIGURATION = defineSearchAttributeKey('FlamingoConfiguration', SearchAttributeType.KEYWORD);
export const STAGE = defineSearchAttributeKey('FlamingoStage', SearchAttributeType.KEYWORD);
export const OUTCOME = defineSearchAttributeKey('FlamingoOutcome', SearchAttributeType.KEYWORD);

export const SEARCH_ATTRIBUTES = [EXPERIMENT, CONFIGURATION, STAGE, OUTCOME];
