import * as z from 'zod';

/** Key under which a schema says which interface of the constructs its fields are those of: their doc comments describe them. */
export const PROPS_OF = 'propsOf';

/** Key under which a schema says which class or type of the constructs its values are of. */
export const VALUES_OF = 'valuesOf';

/** Schemas of all properties of an interface: one that is missing here does not compile. */
export type ShapeOf<P> = { readonly [K in keyof Required<P>]: z.ZodType<P[K] | undefined> };

/**
 * The plain form of an interface: the same names, unknown ones refused.
 *
 * @param name of the interface, by which the schema's descriptions come from its doc comments
 */
export function propsOf<P>(name: string, shape: ShapeOf<P>): z.ZodType<P> {
  return z.strictObject(shape as z.ZodRawShape).meta({ [PROPS_OF]: name }) as unknown as z.ZodType<P>;
}

/** Names of the static factories of a class. */
type Factories<C> = Exclude<keyof C, 'prototype'>;

/** How a factory is called with settings that are named. */
export interface Factory<T, A> {
  /** Name of the interface that describes the settings; empty where there is none. */
  readonly describedBy: string;
  readonly settings: z.ZodRawShape;
  /** Whether all settings may be left out: then the factory's name alone is a value, too. */
  readonly alone: boolean;
  readonly make: (settings: A) => T;
}

/** A factory without settings. */
export function plainly<T>(make: () => T): Factory<T, object> {
  return { describedBy: '', settings: {}, alone: true, make };
}

/** A factory that takes one interface. */
export function withProps<T, P extends object>(
  make: (props: P) => T,
  describedBy: string,
  shape: ShapeOf<P>,
): Factory<T, P> {
  const alone = Object.values<z.ZodType>(shape as Record<string, z.ZodType>).every(
    (one) => one.safeParse(undefined).success,
  );
  return { describedBy, settings: shape as z.ZodRawShape, alone, make };
}

/** A factory with parameters of its own, which get names here. */
export function withNamed<T, P extends object>(make: (named: P) => T, shape: ShapeOf<P>): Factory<T, P> {
  return { describedBy: '', settings: shape as z.ZodRawShape, alone: false, make };
}

/** A value as its factory's name and settings. */
export interface Plain {
  readonly type: string;
  readonly [setting: string]: unknown;
}

/**
 * The plain form of a class whose values come from static factories: `{ type: NAME, …settings }`, or the NAME alone where there is nothing
 * to set.
 *
 * @param ofClass the class, whose factories all have to be here
 * @param options.has whether something is such a value
 * @param options.plain from which factory a value came, with which settings
 * @param options.wrong what is said of anything else
 */
export function valueType<T, C>(
  ofClass: C,
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- each factory has settings of its own, which its schema has checked
  factories: Readonly<Record<Factories<C>, Factory<T, any>>>,
  options: { readonly has: (value: T) => boolean; readonly plain: (value: T) => Plain; readonly wrong: string },
): z.ZodType<T> {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as above
  const all = Object.entries<Factory<T, any>>(factories);
  const maps = all.map(([name, { settings, describedBy }]) =>
    z.strictObject({ type: z.literal(name), ...settings }).meta(describedBy === '' ? {} : { [PROPS_OF]: describedBy }),
  );
  const names = all.filter(([, { alone }]) => alone).map(([name]) => name);
  const [first, ...others] = maps;
  if (first === undefined) throw new Error('a class of values needs a factory');
  const { name: className } = ofClass as { readonly name: string };
  const map = z.discriminatedUnion('type', [first, ...others]).meta({ [VALUES_OF]: className });
  const written =
    names.length === 0
      ? map
      : z.union([
          standingAlone(
            names,
            all.map(([name]) => name),
          ),
          map,
        ]);
  const isOne = (value: unknown): boolean => typeof value === 'object' && value !== null && options.has(value as T);
  return z.codec(written as z.ZodType<string | Plain, string | Plain>, z.custom<T>(isOne, options.wrong), {
    decode: (given) => {
      const { type, ...settings } = typeof given === 'string' ? { type: given } : given;
      const factory = factories[type as Factories<C>];
      return factory.make(withoutUndefined(settings));
    },
    encode: (value) => shortest(options.plain(value)),
  }) as unknown as z.ZodType<T>;
}

/** Factories that may stand alone; the error names those that may not, too. */
function standingAlone(names: readonly string[], all: readonly string[]): z.ZodType<string, string> {
  const others = all.filter((name) => !names.includes(name));
  const maps = others.length === 0 ? '' : `, or a map with type ${others.join(' or ')}`;
  return z.enum(names, { error: `write ${names.join(' or ')}${maps}` });
}

function shortest(plain: Plain): string | Plain {
  const all = withoutUndefined(plain) as Plain;
  return Object.keys(all).length === 1 ? all.type : all;
}

/** Without the keys whose value is undefined: with exact optional properties they are none. */
export function withoutUndefined(value: object): object {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined));
}
