/**
 * Rubrics and commands with a word in braces that is close to a place which is filled in, such as `{anwser}`. Only a doubt: braces
 * may be meant.
 */
import type { Issue, Path } from '../issue';
import { meantPlace, misspeltPlaces, RUBRIC_PLACES, saidOfPlace } from '../placeholders';
import type { WrittenExperiment } from './schema';

/** Where programs are named. */
const SECTIONS = ['metrics', 'handoffs', 'training', 'configurations', 'grid'] as const;
/** The key of a program and its arguments, also as the last part of an axis of a grid. */
const COMMAND = /(?:^|\.)command$/;

export function warnOfMisspeltPlaces(input: WrittenExperiment, warnings: Issue[]): void {
  for (const section of SECTIONS) lookForCommands(input[section], [section], false, warnings);
  for (const [name, { rubric, form }] of Object.entries(input.metrics)) {
    const [text, path] = typeof rubric === 'string' ? [rubric, []] : [rubric?.text, ['text']];
    if (text === undefined) continue;
    for (const misspelt of misspeltPlaces(text, RUBRIC_PLACES))
      warnings.push({
        path: ['metrics', name, 'rubric', ...path],
        message: saidOfPlace(misspelt, 'the judge'),
        hint: form === 'json' ? 'a rubric of the json form has no places to fill' : meantPlace(misspelt),
      });
  }
}

function lookForCommands(value: unknown, path: Path, isCommand: boolean, warnings: Issue[]): void {
  if (typeof value === 'string' && isCommand)
    for (const misspelt of misspeltPlaces(value, ['python']))
      warnings.push({ path, message: saidOfPlace(misspelt, 'the program'), hint: meantPlace(misspelt) });
  else if (Array.isArray(value))
    for (const [index, inner] of value.entries()) lookForCommands(inner, [...path, index], isCommand, warnings);
  else if (typeof value === 'object' && value !== null)
    for (const [key, inner] of Object.entries(value))
      lookForCommands(inner, [...path, key], COMMAND.test(key), warnings);
}
