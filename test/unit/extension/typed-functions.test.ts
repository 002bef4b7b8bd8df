import { expect, test } from 'vitest';
import type { LazyServer } from '../../../src/extension/source/lazy-server.ts';
import type { PlaceService } from '../../../src/extension/source/place-service.ts';
import { TypedFunctions } from '../../../src/extension/tracing/typed-functions.ts';
import type { Connection } from '../../../src/target/connection.ts';

test('the debug info is asked once of a function, also when a cursor rested in very many before', async () => {
  const asked: string[] = [];
  const server = {
    request: async (_kind: unknown, { symbol }: { symbol: string }) => {
      asked.push(symbol);
      return { parameters: [], returns: null };
    },
  };
  const places = { builds: () => ({ id: () => 'aaaaaaaa' }) };
  // Only what is called of each.
  const typed = new TypedFunctions(server as unknown as LazyServer, places as unknown as PlaceService);
  const connection = { facts: {} } as unknown as Connection;
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  for (let number = 0; number < 1000; number++) {
    typed.foresee(connection, `zfs_${number}`);
  }
  await settled();
  typed.foresee(connection, 'zil_commit');
  await settled();
  expect(await typed.of(connection, 'zil_commit', null, true)).not.toBeNull();
  expect(asked.filter((symbol) => symbol === 'zil_commit')).toHaveLength(1);
});
