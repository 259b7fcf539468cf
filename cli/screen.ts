/**
 * Live progress: a block of lines redrawn on a terminal, or a line per milestone in a log.
 */
import { createLogUpdate } from 'log-update';
import { visibleLine } from '../report/page/visible';
import { frame } from './frame';
import { liveBlock } from './output';
import type { ProgressLine } from './progress-lines';

export interface Screen {
  show(header: string, lines: ProgressLine[]): void;
  /** Leaves the last block standing. */
  end(): void;
}

export function screenFor(stream: NodeJS.WriteStream): Screen {
  return stream.isTTY ? new TerminalScreen(stream) : new LogScreen(stream);
}

class TerminalScreen implements Screen {
  private readonly redraw;
  /** The terminal's size may change at any time; one that tells none, or 0 as some do, is taken to be of the usual one. */
  private readonly terminal;

  constructor(stream: NodeJS.WriteStream) {
    this.terminal = {
      isTTY: true,
      get columns() {
        return stream.columns || 80;
      },
      get rows() {
        return stream.rows || 24;
      },
      write: (text: string) => stream.write(text),
    };
    // a killed command must not leave a terminal without its cursor
    this.redraw = createLogUpdate(this.terminal as NodeJS.WriteStream, { showCursor: true });
  }

  show(header: string, lines: ProgressLine[]): void {
    const cleaned = lines.map((line) => ({ ...line, name: visibleLine(line.name), text: visibleLine(line.text) }));
    this.redraw(frame(visibleLine(header), cleaned, this.terminal).join('\n'));
    liveBlock(() => this.redraw.clear());
  }

  end(): void {
    liveBlock(null);
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
