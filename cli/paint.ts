/**
 * Colours of our own. What is coloured may come from outside, so it can not bring its own escape sequences along: a colour
 * is kept as a mark that nobody else knows, and becomes a sequence only where a line is printed (output.ts), after
 * everything else has been made visible.
 */
import { randomBytes } from 'node:crypto';
import pc from 'picocolors';
import { visible } from '../report/page/visible';

const MARK = randomBytes(12).toString('hex');
const SEQUENCE = '\x1b[';

type Colour = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

const coloured =
  (colour: Colour) =>
  (text: string): string =>
    pc[colour](visible(text)).replaceAll(SEQUENCE, MARK);

const paint: Record<Colour, (text: string) => string> = {
  bold: coloured('bold'),
  dim: coloured('dim'),
  red: coloured('red'),
  green: coloured('green'),
  yellow: coloured('yellow'),
  cyan: coloured('cyan'),
};
export default paint;

/** A text as a terminal may have it: what nobody would see or what would move things is spelled out, our colours stay. */
export function forTerminal(text: string): string {
  return visible(text).replaceAll(MARK, SEQUENCE);
}
