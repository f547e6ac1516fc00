import { generatedName } from '../../../syncer/admission/generated-name';

test('has the form of upstream’s names', () => {
  const name = generatedName('web-', 'a4c0b2a6-0d0c-4b7e-8a8b-0c1f3f9f4c11', 0);
  expect(name).toMatch(/^web-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  expect(generatedName('x'.repeat(80), 'u', 0)).toHaveLength(63);
});

test('is the same for the same call and another one for the next try or call', () => {
  const names = new Set(['u1', 'u2'].flatMap((uid) => [0, 1, 2].map((attempt) => generatedName('web-', uid, attempt))));
  expect(names.size).toBe(6);
  expect(generatedName('web-', 'u1', 0)).toBe(generatedName('web-', 'u1', 0));
});

test('uses the whole alphabet evenly', () => {
  const counts = new Map<string, number>();
  for (let call = 0; call < 2000; call++) {
    for (const letter of generatedName('', `call-${call}`, 0)) counts.set(letter, (counts.get(letter) ?? 0) + 1);
  }
  expect(counts.size).toBe(27);
  for (const count of counts.values()) expect(count).toBeGreaterThan(250);
});
