/**
 * The words of a metric's rubric: what they must contain in each form, and what of them is the same for every question.
 */
import { hardenedName, hardenedRubric, HARDENED_RUBRICS } from './hardened-rubrics';
import type { MetricSpec } from './spec';

/** A rubric of the published form that lacks the answer judges nothing; one about the answer alone has no question. */
export function rubricProblem(text: string): string | null {
  return text.includes('{answer}') ? null : 'the rubric must contain {answer}: that is where the judged text goes';
}

/** In the `json` form nothing is filled in, so a place would reach the judge as it stands. */
export function placeProblem(text: string): string | null {
  const places = ['{question}', '{answer}'].filter((place) => text.includes(place));
  return places.length === 0
    ? null
    : `a rubric of the json form has no places to fill: speak of the question and the answer, without ${places.join(' and ')}`;
}

/** The words of a metric's rubric that are the same for every question; null for those that questions bring along. */
export function rubricText({ name, rubric }: MetricSpec): string | null {
  if (rubric.kind === 'prompt') return null;
  if (rubric.kind === 'text') return rubric.text;
  const preset = hardenedName(rubric.preset, name);
  if (preset === null) throw new Error(`no preset rubric ${rubric.preset} for ${name}`);
  return hardenedRubric(preset);
}

/** The part of a rubric that a combined one takes: a preset's scale alone, without its own form of reply. */
export function scaleText(metric: MetricSpec): string {
  const { name, rubric } = metric;
  const preset = rubric.kind === 'preset' ? hardenedName(rubric.preset, name) : null;
  const text = preset === null ? rubricText(metric) : HARDENED_RUBRICS[preset].scale;
  if (text === null) throw new Error(`the rubric of ${name} differs from question to question`);
  return text;
}
