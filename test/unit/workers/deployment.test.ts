import { deployment } from '../../../workers/deployment';

test('workers are in no deployment unless they are told to be', () => {
  expect(deployment({})).toEqual({});
  expect(deployment({ FLAMINGO_DEPLOYMENT: '' })).toEqual({});
});

test('the build that the environment names is the version', () => {
  const env = { FLAMINGO_DEPLOYMENT: 'pinned', FLAMINGO_BUILD_ID: 'b7' };
  expect(deployment(env)).toEqual({
    workerDeploymentOptions: {
      useWorkerVersioning: true,
      version: { deploymentName: 'flamingo', buildId: 'b7' },
      defaultVersioningBehavior: 'PINNED',
    },
  });
});

test('a word that means nothing is refused', () => {
  expect(() => deployment({ FLAMINGO_DEPLOYMENT: 'yes' })).toThrow(/expected pinned or auto-upgrade/);
});
