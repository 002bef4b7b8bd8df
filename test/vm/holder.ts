/**
 * A client in a process of its own, to be killed: traces a function in the VM and prints `up` once the
 * probe is set. Arguments: symbol, id of the session.
 */
import { traceFunction } from '../../src/target/collectors/trace-function.ts';
import * as lab from '../lab/lab.ts';
import { connectToLab } from './connect.ts';

const [symbol = '', sessionId = ''] = process.argv.slice(2);

const connection = await connectToLab(await lab.requireUp());
const params = {
  symbol,
  module: 'zfs',
  machine: connection.facts.machine,
  parameters: null,
  maxEvents: 1e6,
  maxSeconds: 600,
  sessionId,
};
await connection.stream(traceFunction, params, {
  events: (batch) => {
    if (batch.some(({ kind }) => kind === 'started')) {
      process.stdout.write('up\n');
    }
  },
});
