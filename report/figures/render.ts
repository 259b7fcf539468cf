/**
 * Vega-Lite to SVG and PNG, without a DOM and without the machine's fonts: equal specs give equal bytes.
 */
import { dirname, join } from 'node:path';
import { Worker } from 'node:worker_threads';

export interface Drawing {
  svg: string;
  png: Buffer;
}

/** PNG pixels per SVG pixel. */
const PNG_SCALE = 2;

function fontFiles(): string[] {
  const folder = join(dirname(require.resolve('dejavu-fonts-ttf/package.json')), 'ttf');
  return ['DejaVuSans.ttf', 'DejaVuSans-Bold.ttf'].map((name) => join(folder, name));
}

/** Called once: the thread and its memory are given back with the last drawing. Throws what vega or vega-lite has against a spec. */
export type DrawAll = (specs: readonly object[]) => Promise<Drawing[]>;

/** Draws on a thread that is there from the start of `work`: it loads vega, some tenths of a second, while `work` does other things. */
export async function withDrawing<T>(work: (drawAll: DrawAll) => Promise<T>): Promise<T> {
  const worker = new Worker(join(__dirname, 'vega-worker.cjs'), {
    workerData: { fonts: fontFiles(), scale: PNG_SCALE },
  });
  let failure: Error | null = null;
  worker.on('error', (error) => (failure = error)); // it may end before anything is drawn
  try {
    return await work(async (specs) => {
      const drawings: Drawing[] = [];
      for (const spec of specs) {
        if (failure !== null) throw failure;
        drawings.push(await drawOn(worker, spec));
      }
      await worker.terminate();
      return drawings;
    });
  } finally {
    await worker.terminate();
  }
}

export const drawAll: DrawAll = (specs) => withDrawing((draw) => draw(specs));

function drawOn(worker: Worker, spec: object): Promise<Drawing> {
  return new Promise((resolve, reject) => {
    const done = (end: () => void): void => {
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
      end();
    };
    const onMessage = (reply: { svg: string; png: Uint8Array } | { error: string }): void =>
      done(() => {
        if ('error' in reply) reject(new Error(`a figure can not be drawn: ${reply.error}`));
        else resolve({ svg: reply.svg, png: Buffer.from(reply.png) });
      });
    const onError = (error: Error): void => done(() => reject(error));
    const onExit = (code: number): void => done(() => reject(new Error(`the drawing thread ended with code ${code}`)));
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
    worker.postMessage(spec);
  });
}
