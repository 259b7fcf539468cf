/**
 * Texts that try to move a judge from inside an answer, as data (experiments/injections/injections.yaml). Against the
 * stand-in judge only the requests' structure means something; a shift of scores is measured against a model.
 */
import { z } from 'zod';
import { placesIn, readYaml, type YamlFault } from '../experiment/file/yaml';

const injection = z.strictObject({
  id: z.string().regex(/^[a-z][a-z0-9-]*$/),
  kind: z.enum(['delimiter', 'role', 'order', 'fake-result', 'hidden', 'template']),
  /** The rating that the text is after; `none`: a word in place of one. */
  wants: z.enum(['high', 'low', 'none']),
  text: z.string().refine((text) => text.includes('{answer}'), '{answer} is missing: where the clean answer stands'),
});

export type Injection = z.output<typeof injection>;

/** Throws for a text that is no list of injections, or where an id is there twice. */
export function readInjections(yaml: string): Injection[] {
  const read = readYaml(yaml);
  if (!read.ok) {
    const { offset, message } = read.faults[0] as YamlFault;
    throw new Error(`line ${placesIn(yaml)(offset).line}: ${message}`);
  }
  const found = z.array(injection).min(1).parse(read.value);
  const ids = new Set(found.map(({ id }) => id));
  if (ids.size < found.length) throw new Error('an injection is there twice');
  return found;
}

/** The answer with the text around it; only the first `{answer}` is the place, later ones are part of the text. */
export function inject({ text }: Injection, answer: string): string {
  const at = text.indexOf('{answer}');
  return text.slice(0, at) + answer + text.slice(at + '{answer}'.length);
}
