import { UnkeptWrites } from '../../../syncer/kinds/unkept-writes';

test('what a server refused is not sent again at once, unless it is something else, or the server takes it', () => {
  const unkept = new UnkeptWrites();
  const patch = { spec: { resources: { limits: { cpu: '2' } } } };
  unkept.refused('uid', 'resize', patch);
  expect(unkept.has('uid', 'resize', patch)).toBe(true);
  expect(unkept.has('uid', 'resize', { spec: { resources: { limits: { cpu: '1' } } } })).toBe(false);
  expect(unkept.has('uid', 'spec', patch)).toBe(false);
  unkept.note('uid', 'resize', patch, undefined);
  expect(unkept.has('uid', 'resize', patch)).toBe(false);
});

test('what a server did not keep is not written again until something else differs, or the server keeps it', () => {
  const unkept = new UnkeptWrites();
  const left = { status: { young: 1 } };
  expect(unkept.has('uid', 'status', left)).toBe(false);

  unkept.note('uid', 'status', left, left);
  expect(unkept.has('uid', 'status', { status: { young: 1 } })).toBe(true);
  expect(unkept.has('uid', 'status', { status: { young: 1, phase: 'Running' } })).toBe(false);
  expect(unkept.has('uid', 'spec', left)).toBe(false);
  expect(unkept.has('other', 'status', left)).toBe(false);

  unkept.note('uid', 'status', left, undefined);
  expect(unkept.has('uid', 'status', left)).toBe(false);

  unkept.note('uid', 'status', left, left);
  unkept.forget('uid');
  expect(unkept.has('uid', 'status', left)).toBe(false);
});

test('what others wrote while a write was under way is not taken for what the server did not keep', () => {
  const unkept = new UnkeptWrites();
  const sent = { spec: { ports: [{ port: 80 }], young: true } };
  // The answer is that of an object which admission has reserved anew.
  const adoption = { metadata: { annotations: { reservation: null } } };
  unkept.note('uid', 'host', sent, adoption);
  expect(unkept.has('uid', 'host', adoption)).toBe(false);

  const changedBack = { spec: { ports: [{ port: 81 }] } };
  unkept.note('uid', 'host', sent, changedBack);
  expect(unkept.has('uid', 'host', changedBack)).toBe(false);

  const rest = { spec: { young: true } };
  unkept.note('uid', 'host', sent, rest);
  expect(unkept.has('uid', 'host', rest)).toBe(true);
});
