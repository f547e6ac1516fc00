import * as z from 'zod';
import { Store } from '..';
import type {
  EphemeralStoreProps,
  EtcdStoreProps,
  MysqlStoreProps,
  PersistentStoreProps,
  PostgresStoreProps,
} from '..';
import { size } from './amounts';
import { valueType, withProps, type Plain } from './value-types';

const secret = { secretName: z.string(), secretKey: z.string().optional() };

/** What a virtual cluster keeps its objects in. */
export const store = valueType<Store, typeof Store>(
  Store,
  {
    persistent: withProps<Store, PersistentStoreProps>(Store.persistent, 'PersistentStoreProps', {
      size: size.optional(),
      quota: size.optional(),
      storageClassName: z.string().optional(),
      retain: z.boolean().optional(),
    }),
    ephemeral: withProps<Store, EphemeralStoreProps>(Store.ephemeral, 'EphemeralStoreProps', {
      size: size.optional(),
      quota: size.optional(),
    }),
    postgres: withProps<Store, PostgresStoreProps>(Store.postgres, 'PostgresStoreProps', secret),
    mysql: withProps<Store, MysqlStoreProps>(Store.mysql, 'MysqlStoreProps', secret),
    etcd: withProps<Store, EtcdStoreProps>(Store.etcd, 'EtcdStoreProps', {
      endpoints: z.array(z.string()),
      secretName: z.string(),
      prefix: z.string().optional(),
    }),
  },
  {
    has: ({ props }) => typeof props?.type === 'string',
    plain: ({ props }) => ({ ...props }) as unknown as Plain,
    wrong: 'is no Store: use one of its factories, such as Store.persistent()',
  },
);
