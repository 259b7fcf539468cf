/**
 * What a rule says of an answer: 100 or 0. Blanks around an answer never count where the whole of it is compared.
 */
import { acceptedAnswers, type Ignored, type Scorer } from '../../experiment/scorers';
import type { Question } from '../../experiment/plan';
import { matchSoon } from './match';

/** An answer to be scored, with the question that it answers. */
export interface Scored {
  question: Question;
  answer: string;
}

/**
 * In the order given; 100 or 0 each. Null where a pattern takes longer on some of the answers than a rule may. Throws for a command,
 * which is no rule.
 */
export async function scoresByRule({ by }: Pick<Scorer, 'by'>, items: readonly Scored[]): Promise<number[] | null> {
  switch (by.kind) {
    case 'equals': {
      const whole = wholeAnswer(by.ignore);
      const accepted = new Set(by.words.map(whole));
      return items.map(({ answer }) => points(accepted.has(whole(answer))));
    }
    case 'contains': {
      const compared = letters(by.ignore);
      const words = by.words.map(compared);
      return items.map(({ answer }) => {
        const text = compared(answer);
        return points(words.some((word) => text.includes(word)));
      });
    }
    case 'equals_field': {
      const whole = wholeAnswer(by.ignore);
      return items.map(({ question, answer }) => {
        const accepted = acceptedAnswers(question.fields, by.field);
        if (accepted === null) throw new Error(`question ${question.id} has no field ${by.field}`);
        return points(accepted.some((each) => whole(each) === whole(answer)));
      });
    }
    case 'matches': {
      const hits = await matchSoon(
        by,
        items.map(({ answer }) => answer),
      );
      return hits?.map(points) ?? null;
    }
    case 'command':
      throw new Error('a command is no rule');
  }
}

export function points(hit: boolean): number {
  return hit ? 100 : 0;
}

function letters(ignore: readonly Ignored[]): (text: string) => string {
  const lower = ignore.includes('case');
  return (text) => {
    const formed = text.normalize('NFC');
    return lower ? formed.toLowerCase() : formed;
  };
}

function wholeAnswer(ignore: readonly Ignored[]): (text: string) => string {
  const compared = letters(ignore);
  const stop = ignore.includes('final-stop');
  return (text) => {
    const trimmed = compared(text).trim();
    return stop && trimmed.endsWith('.') ? trimmed.slice(0, -1).trimEnd() : trimmed;
  };
}
