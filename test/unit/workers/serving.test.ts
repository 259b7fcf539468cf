import { servingBlock } from '../../../workers/serving';

it('says in one block what is served, for whom, and with what', () => {
  const block = servingBlock({
    worker: 'gpu',
    queues: ['flamingo-gpu'],
    address: 'temporal.lab:7233',
    namespace: 'default',
    storeId: 'aaaa',
    storePlace: '/mnt/flamingo',
    version: '0.1.0',
    facts: { device: 'NVIDIA H200, 140 GiB', models: 'smollm2-135m-instruct' },
    endsWhenIdle: '10m',
    spot: 'notices of aws',
    metrics: '127.0.0.1:9464',
  });
  expect(block).toBe(`The gpu worker runs:
  serves    flamingo-gpu
  Temporal  temporal.lab:7233, namespace default
  store     aaaa (/mnt/flamingo)
  version   0.1.0
  device    NVIDIA H200, 140 GiB
  models    smollm2-135m-instruct
  ends      after 10m without work
  spot      notices of aws
  metrics   http://127.0.0.1:9464/metrics`);
});
