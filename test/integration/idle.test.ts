import { writesWhileIdle } from './idle';

test('with 200 pods and nothing to do, neither side is written for two minutes', async () => {
  expect(await writesWhileIdle(120)).toEqual({});
}, 900_000);
