const { default: Sequencer } = require('@jest/test-sequencer');

/** Files that take minutes of waiting, not of work: begun last they would run alone, with a worker and a core idle beside them. */
const SLOW = ['integration/idle.test.ts', 'integration/kinds-nodes.test.ts', 'e2e/demo.test.ts'];

/** Jest's order, which on a fresh clone is by size, after the files that are known to take longest. */
module.exports = class SlowFirst extends Sequencer {
  sort(tests) {
    const isSlow = ({ path }) => SLOW.some((name) => path.endsWith(name));
    const sorted = super.sort(tests);
    return [...sorted.filter(isSlow), ...sorted.filter((test) => !isSlow(test))];
  }
};
