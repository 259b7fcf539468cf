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

/** Draws several specs, one thread after the other. Throws what vega or vega-lite has against a spec. */
export async function drawAll(specs: readonly object[]): Promise<Drawing[]> {
  const drawings: Drawing[] = [];
  const worker = new Worker(join(__dirname, 'vega-worker.cjs'), {
    workerData: { fonts: fontFiles(), scale: PNG_SCALE },
  });
  try {
    for (const spec of specs) drawings.push(await drawOn(worker, spec));
  } finally {
    await worker.terminate();
  }
  return drawings;
}

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
