import { writesWhileIdle } from '../integration/idle';

test('with 200 pods and nothing to do, neither side is written for ten minutes', async () => {
  expect(await writesWhileIdle(600)).toEqual({});
}, 1_200_000);
