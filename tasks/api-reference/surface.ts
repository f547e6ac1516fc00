import { readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import ts from 'typescript';

/** What a doc comment says. */
export interface DocComment {
  /** What stands before the tags; empty where there is no comment. */
  readonly text: string;
  /** Whether it says so, in these words: "Cannot be changed after creation." */
  readonly isFixed: boolean;
  /** Names and texts of `@param`. */
  readonly parameters: readonly (readonly [name: string, text: string])[];
  readonly returns: string | undefined;
  /** Value of `@default`; a dash in front says that it is prose. */
  readonly defaultValue: string | undefined;
  readonly throws: readonly string[];
  readonly examples: readonly string[];
}

/** A member of an exported class, interface, enum or type. */
export interface PublicMember {
  readonly name: string;
  /** As a program sees it, without body and comment: `static of(version: string): KubernetesVersion`, `name?`. */
  readonly signature: string;
  /** Type of a property; undefined for what is called. */
  readonly type: string | undefined;
  readonly isOptional: boolean;
  /** A constructor is told about by the comment of its class. */
  readonly isConstructor: boolean;
  readonly comment: DocComment;
  /** File and line, from 1. */
  readonly place: string;
}

/** One export. */
export interface PublicItem {
  readonly name: string;
  readonly kind: 'class' | 'interface' | 'enum' | 'type' | 'function' | 'constant';
  /** Signature of a function, type of a constant; empty for all other kinds. */
  readonly head: string;
  /** What it extends and implements. */
  readonly bases: readonly (readonly [keyword: 'extends' | 'implements', type: string])[];
  /** The right side of a type; undefined for all other kinds. */
  readonly definition: string | undefined;
  readonly comment: DocComment;
  /** Constructor first, then in the order in which they are written. */
  readonly members: readonly PublicMember[];
  readonly place: string;
}

/** What one import path of the package exports. */
export interface PublicModule {
  /** As programs import it: `nestling/testing`. */
  readonly path: string;
  /** By name. */
  readonly items: readonly PublicItem[];
}

type Described = ts.ClassElement | ts.TypeElement | ts.EnumMember | ts.ParameterPropertyDeclaration;

/**
 * What a package exports, with its doc comments: of each path in `exports` of its package.json that has types. Types are as the source writes
 * them. Only its own files are read, so it takes a second and says the same whatever is installed.
 *
 * @param root folder of the package
 * @throws Error for an export of a kind that is not known here, or of what cannot be found
 */
export function publicModules(root: string): readonly PublicModule[] {
  const entries = entryPoints(root);
  const files = entries.map(({ file }) => file);
  const program = ts.createProgram(files, OPTIONS, ownFilesOnly());
  const checker = program.getTypeChecker();
  return entries.map(({ path, file }) => {
    const source = program.getSourceFile(file);
    const symbol = source && checker.getSymbolAtLocation(source);
    if (symbol === undefined) throw new Error(`${file}, which ${path} leads to, is no module`);
    const items = checker.getExportsOfModule(symbol).map((exported) => itemOf(exported, checker, root));
    return { path, items: items.sort((one, other) => (one.name < other.name ? -1 : 1)) };
  });
}

/** What a reader misses: public members without a comment, and what may be left out without its default being said. */
export function missingComments(modules: readonly PublicModule[]): readonly string[] {
  const missing = modules.flatMap(({ items }) =>
    items.flatMap(({ name, comment, members, place }) => [
      ...(comment.text === '' ? [`${place}: ${name} has no doc comment`] : []),
      ...members.flatMap((member) => {
        const what = `${member.place}: ${name}.${member.name}`;
        return [
          ...(member.comment.text === '' && !member.isConstructor ? [`${what} has no doc comment`] : []),
          ...(member.isOptional && member.comment.defaultValue === undefined ? [`${what} has no @default`] : []),
        ];
      }),
    ]),
  );
  return [...new Set(missing)];
}

/** How a comment says what a running cluster cannot take. */
export const FIXED = /Cannot be changed after\s+creation\./;

const OPTIONS: ts.CompilerOptions = { noLib: true, types: [], target: ts.ScriptTarget.ES2023, strict: true };

function entryPoints(root: string): { readonly path: string; readonly file: string }[] {
  const { name, exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    readonly name: string;
    readonly exports: Readonly<Record<string, string | { readonly types?: string }>>;
  };
  return Object.entries(exports).flatMap(([path, target]) => {
    if (typeof target === 'string' || target.types === undefined) return [];
    const file = target.types.replace(/^\.\/dist\//, '').replace(/\.d\.ts$/, '.ts');
    return [{ path: path.replace('.', name), file: join(root, file) }];
  });
}

/** A compiler that does not look into other packages: their types are named here, not explained. */
function ownFilesOnly(): ts.CompilerHost {
  const host = ts.createCompilerHost(OPTIONS);
  host.resolveModuleNameLiterals = (literals, from) =>
    literals.map(({ text }) => {
      if (!text.startsWith('.')) return { resolvedModule: undefined };
      const path = resolve(dirname(from), text);
      const found = [`${path}.ts`, join(path, 'index.ts')].find((file) => host.fileExists(file));
      return {
        resolvedModule: found === undefined ? undefined : { resolvedFileName: found, extension: ts.Extension.Ts },
      };
    });
  return host;
}

function itemOf(exported: ts.Symbol, checker: ts.TypeChecker, root: string): PublicItem {
  const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
  const [node] = symbol.declarations ?? [];
  if (node === undefined) throw new Error(`what is exported as ${exported.name} cannot be found`);
  const about = {
    name: exported.name,
    head: '',
    bases: [],
    definition: undefined,
    comment: commentOf(node),
    members: [],
    place: placeOf(node, root),
  };
  const members = (nodes: readonly Described[]) => nodes.filter(isPublic).map((one) => memberOf(one, checker, root));
  if (ts.isClassDeclaration(node)) {
    const constructors = node.members.filter(ts.isConstructorDeclaration);
    const all = [...constructors, ...node.members.filter((one) => !ts.isConstructorDeclaration(one))];
    const described = members([...all, ...constructors.flatMap(properties)]);
    return { ...about, kind: 'class', bases: basesOf(node.heritageClauses), members: described };
  }
  if (ts.isInterfaceDeclaration(node)) {
    return { ...about, kind: 'interface', bases: basesOf(node.heritageClauses), members: members(node.members) };
  }
  if (ts.isEnumDeclaration(node)) return { ...about, kind: 'enum', members: members(node.members) };
  if (ts.isTypeAliasDeclaration(node)) {
    const described = members(literalMembers(node.type));
    return { ...about, kind: 'type', definition: withoutIndent(node.type), members: described };
  }
  if (ts.isFunctionDeclaration(node)) return { ...about, kind: 'function', head: `${exported.name}${callable(node)}` };
  if (ts.isVariableDeclaration(node) && node.type !== undefined) {
    return { ...about, kind: 'constant', head: oneLine(node.type.getText()) };
  }
  throw new Error(`${about.place}: the reference does not know how to tell what ${exported.name} is`);
}

function memberOf(node: Described, checker: ts.TypeChecker, root: string): PublicMember {
  const isOptional = 'questionToken' in node && node.questionToken !== undefined;
  const isConstructor = ts.isConstructorDeclaration(node);
  const name = isConstructor ? `new ${node.parent.name?.text}` : nameOf(node);
  const isStatic = ts.canHaveModifiers(node) && has(node, ts.SyntaxKind.StaticKeyword);
  const isCalled = isConstructor || ts.isMethodDeclaration(node) || ts.isMethodSignature(node);
  return {
    name,
    signature: `${isStatic ? 'static ' : ''}${name}${isOptional ? '?' : ''}${isCalled ? callable(node) : ''}`,
    type: isCalled ? undefined : typeOf(node, checker),
    isOptional,
    isConstructor,
    comment: commentOf(node),
    place: placeOf(node, root),
  };
}

function typeOf(node: Described, checker: ts.TypeChecker): string {
  if (ts.isEnumMember(node)) return oneLine(node.initializer?.getText() ?? '');
  const written = (node as { readonly type?: ts.TypeNode }).type;
  return written ? oneLine(written.getText()) : checker.typeToString(checker.getTypeAtLocation(node));
}

/** Parameters and result, as they are written; what is taken apart at once gets a name. */
function callable({ parameters, type }: ts.SignatureDeclaration): string {
  const list = parameters.map((parameter) => {
    const text = parameter.getText();
    if (ts.isIdentifier(parameter.name)) return text;
    const named = parameter.type?.getText().endsWith('Props') ? 'props' : 'options';
    return `${named}${text.slice(parameter.name.getWidth())}`;
  });
  return oneLine(`(${list.join(', ')})${type === undefined ? '' : `: ${type.getText()}`}`);
}

function basesOf(clauses: readonly ts.HeritageClause[] = []): PublicItem['bases'] {
  return clauses.flatMap(({ token, types }) =>
    types.map((type) => {
      const keyword = token === ts.SyntaxKind.ExtendsKeyword ? 'extends' : 'implements';
      return [keyword, oneLine(type.getText())] as const;
    }),
  );
}

/** Properties of objects that a type is written with, at any depth. */
function literalMembers(type: ts.Node): ts.TypeElement[] {
  const found: ts.TypeElement[] = [];
  const look = (node: ts.Node): void => {
    if (ts.isPropertySignature(node)) found.push(node);
    ts.forEachChild(node, look);
  };
  look(type);
  return found;
}

const properties = ({ parameters }: ts.ConstructorDeclaration): ts.ParameterPropertyDeclaration[] =>
  parameters.filter((one) => ts.isParameterPropertyDeclaration(one, one.parent)) as ts.ParameterPropertyDeclaration[];

function isPublic(node: Described): boolean {
  if (node.name !== undefined && ts.isPrivateIdentifier(node.name)) return false;
  if (ts.isConstructorDeclaration(node) && node.parameters.length === 0) return false;
  if (ts.getJSDocTags(node).some(({ tagName }) => tagName.text === 'internal')) return false;
  if (!ts.canHaveModifiers(node)) return true;
  return !has(node, ts.SyntaxKind.PrivateKeyword) && !has(node, ts.SyntaxKind.ProtectedKeyword);
}

const has = (node: ts.HasModifiers, kind: ts.SyntaxKind): boolean =>
  ts.getModifiers(node)?.some((modifier) => modifier.kind === kind) ?? false;

const nameOf = (node: Described): string =>
  ts.isIndexSignatureDeclaration(node)
    ? `[${oneLine(node.parameters[0]?.getText() ?? '')}]`
    : (node.name?.getText() ?? '');

function commentOf(node: ts.Node): DocComment {
  const comments = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc);
  const tags = ts.getJSDocTags(node);
  const texts = (name: string): string[] =>
    tags.filter(({ tagName }) => tagName.text === name).map(({ comment }) => plain(comment));
  const text = comments.map(({ comment }) => plain(comment)).join('\n\n');
  return {
    text,
    isFixed: FIXED.test(text),
    parameters: tags.filter(ts.isJSDocParameterTag).map(({ name, comment }) => [name.getText(), plain(comment)]),
    returns: texts('returns')[0],
    defaultValue: texts('default')[0],
    throws: texts('throws'),
    examples: texts('example'),
  };
}

/** The text of a comment, with names in place of links. */
const plain = (comment: string | ts.NodeArray<ts.JSDocComment> | undefined): string =>
  (ts.getTextOfJSDocComment(comment) ?? '')
    .replaceAll(/\{@link ([^}]+)\}/g, (_, name: string) => `\`${name.trim()}\``)
    .trim();

const oneLine = (text: string): string =>
  text.replaceAll(/\s+/g, ' ').replaceAll(/\( | \)|,(?= \))/g, (one) => one.trim());

/** A type of several lines, moved to the left as far as it goes. */
function withoutIndent(node: ts.TypeNode): string {
  const [first = '', ...more] = node.getText().split('\n');
  const indents = more.filter((line) => line.trim() !== '').map((line) => line.search(/\S/));
  const least = Math.min(...indents);
  return [first, ...more.map((line) => line.slice(least))].join('\n');
}

function placeOf(node: ts.Node, root: string): string {
  const source = node.getSourceFile();
  const { line } = source.getLineAndCharacterOfPosition(node.getStart());
  return `${relative(root, source.fileName)}:${line + 1}`;
}
