/**
 * Texts that try to move a judge from inside an answer, as data (experiments/injections/injections.yaml). Against the
 * stand-in judge only the requests' structure means something; a shift of scores is measured against a model.
 */
import { z } from 'zod';
import { cut } from '../experiment/excerpt';
import { placesIn, readYaml, type YamlFault } from '../experiment/file/yaml';
import { issuesOf } from '../experiment/file/zod-issues';
import type { Issue } from '../experiment/issue';
import { UnreadableInput } from './files';

const injection = z.strictObject({
  id: z.string().regex(/^[a-z][a-z0-9-]*$/),
  kind: z.enum(['delimiter', 'role', 'order', 'fake-result', 'hidden', 'template']),
  /** The rating that the text is after; `none`: a word in place of one. */
  wants: z.enum(['high', 'low', 'none']),
  text: z.string().refine((text) => text.includes('{answer}'), '{answer} is missing: where the clean answer stands'),
});

const injections = z.array(injection).min(1);

export type Injection = z.output<typeof injection>;

/** `label` is what messages call the file. Throws `UnreadableInput` naming the line, also where an id is there twice. */
export function readInjections(yaml: string, label = 'injections'): Injection[] {
  const places = placesIn(yaml);
  const refuse = (offset: number, message: string, hint?: string): never => {
    const { line, column } = places(offset);
    throw new UnreadableInput(`${label}:${line}:${column}: ${message}${hint === undefined ? '' : ` (${hint})`}`);
  };
  const read = readYaml(yaml);
  if (!read.ok) {
    const { offset, message, hint } = read.faults[0] as YamlFault;
    return refuse(offset, message, hint);
  }
  const { success, data, error } = injections.safeParse(read.value);
  if (!success) {
    const [issue] = issuesOf(error, read.value, z.toJSONSchema(injections, { io: 'input' }));
    const { path, message, hint, atKey } = issue as Issue;
    return refuse(read.offsetOf(path, atKey), message, hint);
  }
  const ids = data.map(({ id }) => id);
  const twice = ids.findIndex((id, index) => ids.indexOf(id) < index);
  if (twice >= 0) return refuse(read.offsetOf([twice]), `the id \`${cut(ids[twice] as string)}\` is there twice`);
  return data;
}

/** The answer with the text around it; only the first `{answer}` is the place, later ones are part of the text. */
export function inject({ text }: Injection, answer: string): string {
  const at = text.indexOf('{answer}');
  return text.slice(0, at) + answer + text.slice(at + '{answer}'.length);
}
