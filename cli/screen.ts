/**
 * Live progress: a block of lines redrawn on a terminal, or a line per milestone in a log.
 */
import { createLogUpdate } from 'log-update';
import pc from 'picocolors';
import { visibleLine } from '../report/page/visible';
import type { ProgressLine } from './progress-lines';

export interface Screen {
  show(header: string, lines: ProgressLine[]): void;
  /** Leaves the last block standing. */
  end(): void;
}

export function screenFor(stream: NodeJS.WriteStream): Screen {
  return stream.isTTY ? new TerminalScreen(stream) : new LogScreen(stream);
}

const COLOUR = { '✓': pc.green, '▸': pc.cyan, '·': pc.dim, '✗': pc.red, '!': pc.yellow };

class TerminalScreen implements Screen {
  private readonly redraw;

  constructor(private readonly stream: NodeJS.WriteStream) {
    // a killed command must not leave a terminal without its cursor
    this.redraw = createLogUpdate(stream, { showCursor: true });
  }

  /** Each line is cut to the terminal's width, so that one that is too long does not push the others about. */
  show(header: string, given: ProgressLine[]): void {
    const lines = given.map((line) => ({ ...line, name: visibleLine(line.name) }));
    const width = Math.max(20, this.stream.columns ?? 80) - 1;
    const longest = Math.max(...lines.map(({ name }) => name.length), 0);
    const rows = [
      pc.bold(cut(visibleLine(header), width)),
      ...lines.map(({ mark, name, text }) => {
        const room = width - longest - 5;
        return `  ${COLOUR[mark](mark)} ${name.padEnd(longest)}  ${cut(visibleLine(text), Math.max(10, room))}`;
      }),
    ];
    this.redraw(rows.join('\n'));
  }

  end(): void {
    this.redraw.done();
  }
}

class LogScreen implements Screen {
  private readonly last = new Map<string, string>();

  constructor(private readonly stream: NodeJS.WriteStream) {}

  show(_header: string, lines: ProgressLine[]): void {
    for (const { name, mark, milestone } of lines) {
      if (this.last.get(name) === milestone) continue;
      this.last.set(name, milestone);
      this.stream.write(
        `${new Date().toISOString().slice(11, 19)} ${mark} ${visibleLine(name)}: ${visibleLine(milestone)}\n`,
      );
    }
  }

  end(): void {
    this.last.clear();
  }
}

function cut(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text;
}
