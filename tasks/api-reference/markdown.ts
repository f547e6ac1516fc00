import { FIXED, type DocComment, type PublicItem, type PublicMember, type PublicModule } from './surface';

const INTRODUCTION = `# Reference

<!-- Made from the doc comments by \`npm run reference\`; a test compares. -->

Everything that the package exports. A \`?\` behind a name: it may be left out, and then is what "Default" says. What a running cluster cannot
take is marked **Cannot be changed after creation.**
`;

/** In this order, each with how a list of them is called. */
const KINDS: readonly (readonly [kind: PublicItem['kind'], plural: string])[] = [
  ['class', 'Classes'],
  ['function', 'Functions'],
  ['constant', 'Constants'],
  ['enum', 'Enums'],
  ['interface', 'Interfaces'],
  ['type', 'Types'],
];

/** The reference of a package, in Markdown: an entry for each export. */
export function apiReference(modules: readonly PublicModule[]): string {
  const entries = headings(modules);
  const links = new Map(entries.map(({ item, anchor }) => [item.place, anchor]));
  const sections = modules.flatMap(({ path, items }) => [
    `## ${path}\n`,
    contents(items, links),
    ...entries.filter((entry) => entry.path === path).map(({ item }) => entryOf(item, linked(items, links))),
  ]);
  return [INTRODUCTION, ...sections].join('\n');
}

/** The exports of a path, one a line for whoever reads a change of them. */
function contents(items: readonly PublicItem[], links: ReadonlyMap<string, string>): string {
  const lists = KINDS.flatMap(([kind, plural]) => {
    const lines = items
      .filter((one) => one.kind === kind)
      .map(({ name, place }) => `  [${name}](#${links.get(place)})`);
    return lines.length === 0 ? [] : [`- ${plural}:\n${lines.join(',\n')}`];
  });
  return `${lists.join('\n')}\n`;
}

interface Heading {
  readonly path: string;
  readonly item: PublicItem;
  readonly anchor: string;
}

/** One for each export, under the first path that has it, with the anchor that GitHub gives: the second of a name has a number. */
function headings(modules: readonly PublicModule[]): readonly Heading[] {
  const used = new Map<string, number>();
  const seen = new Set<string>();
  return modules.flatMap(({ path, items }) =>
    KINDS.flatMap(([kind]) => items.filter((one) => one.kind === kind)).flatMap((item) => {
      if (seen.has(item.place)) return [];
      seen.add(item.place);
      const name = item.name.toLowerCase();
      const before = used.get(name) ?? 0;
      used.set(name, before + 1);
      return [{ path, item, anchor: before === 0 ? name : `${name}-${before}` }];
    }),
  );
}

/** A type, as a link where it is one of the exports. */
function linked(items: readonly PublicItem[], links: ReadonlyMap<string, string>): (type: string) => string {
  const anchors = new Map(items.map(({ name, place }) => [name, links.get(place)]));
  return (type) => (anchors.has(type) ? `[\`${type}\`](#${anchors.get(type)})` : `\`${type}\``);
}

function entryOf(item: PublicItem, link: (type: string) => string): string {
  const { name, kind, head, bases, definition, comment, members } = item;
  const what = [
    `${kind[0]?.toUpperCase()}${kind.slice(1)}${head && ` \`${head}\``}`,
    ...bases.map(([keyword, type]) => `${keyword} ${link(type)}`),
  ].join(', ');
  // A type's members stand in its definition, comments and all.
  const body = definition === undefined ? members.map((member) => memberOf(member, link)) : [fenced(definition)];
  const parts = [`### ${name}\n`, `${what}.\n`, `${aboutOf(comment)}\n`];
  return [...parts, ...(body.length > 0 ? [`${body.join('\n')}\n`] : [])].join('\n');
}

function memberOf({ signature, type, comment }: PublicMember, link: (type: string) => string): string {
  const about = aboutOf(comment);
  const lines = `**\`${signature}\`**${type === undefined ? '' : `: ${link(type)}`}${about && ` — ${about}`}`;
  return `- ${lines.replaceAll('\n', '\n  ').replaceAll(/^ +$/gm, '')}`;
}

function aboutOf({ text, parameters, returns, defaultValue, throws, examples }: DocComment): string {
  const rest = [
    ...parameters.map(([name, what]) => `\`${name}\`: ${what}.`),
    ...(returns === undefined ? [] : [`Returns ${returns}.`]),
    ...(defaultValue === undefined ? [] : [`Default: ${valueOf(defaultValue)}.`]),
    ...throws.map((what) => `Throws ${what}.`),
  ];
  const marked = text.replace(FIXED, '**$&**');
  return [[marked, ...rest].filter(Boolean).join('\n'), ...examples.map(fenced)].join('\n\n');
}

/** A default is code, unless a dash says that it is prose, or it goes on with an explanation. */
function valueOf(value: string): string {
  if (value.startsWith('- ')) return value.slice(2);
  const [, code, explanation = ''] = /^([^\s:]+)([\s:].*)?$/s.exec(value) ?? [];
  return code === undefined ? value : `\`${code}\`${explanation}`;
}

const fenced = (code: string): string => `\`\`\`ts\n${code}\n\`\`\``;
