/** Sizes that a team can ask for. */
export type Size = 'small' | 'large';

/** A team with a cluster of its own. Whoever wants one adds an entry, and the pull request is the request. */
export interface Team {
  /** Host namespace `team-NAME`, and part of all names of the team. */
  readonly name: string;
  /** Who pays. */
  readonly costCenter: string;
  readonly size: Size;
  /** DNS names that the team's Ingresses may claim; `*.` in front stands for one label. */
  readonly hosts: readonly string[];
}

export const TEAMS: readonly Team[] = [
  { name: 'shop', costCenter: '4711', size: 'large', hosts: ['shop.example.org', '*.shop.example.org'] },
  { name: 'search', costCenter: '4712', size: 'small', hosts: ['search.example.org'] },
  { name: 'data', costCenter: '4713', size: 'small', hosts: ['data.example.org'] },
];
