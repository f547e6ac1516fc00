import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { attackReference } from '../../../constructs/attacks/reference';
import { ATTACKS } from '../../../constructs/attacks/attacks';

test('docs/security.md lists the attacks as they are', () => {
  const published = readFileSync(join(__dirname, '..', '..', '..', 'docs', 'security.md'), 'utf8');
  expect(published).toBe(attackReference(ATTACKS));
});

test('there are forty attacks, with ids that stay', () => {
  expect(ATTACKS.map(({ id }) => id)).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
});

test('no two objects of the attacks share a name, so that all can be made at once', () => {
  for (const strict of [false, true]) {
    const names = ATTACKS.flatMap(({ setting, stoppedAt, attempts, atRestricted = [], legitimate }) =>
      (setting !== undefined || stoppedAt === 'restricted') === strict
        ? [...attempts, ...legitimate]
        : strict
          ? atRestricted
          : [],
    ).map(({ manifest: { kind, metadata } }) => `${kind}/${metadata.name}`);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  }
});

test('every attack that is made by objects has a counterpart that works', () => {
  for (const { id, attempts, legitimate } of ATTACKS) {
    expect({ id, counterpart: attempts.length === 0 || legitimate.length > 0 }).toEqual({ id, counterpart: true });
  }
});
