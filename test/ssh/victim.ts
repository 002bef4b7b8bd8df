/**
 * A client in a process of its own, to be killed: connects, starts a stream, prints `up` when it
 * runs. Arguments: configuration file, alias, script, clean-up.
 */
import { connect } from '../../src/target/index.ts';
import { lines, Person } from './client.ts';

const [configFile = '', alias = '', script = '', cleanup = ''] = process.argv.slice(2);

async function main(): Promise<void> {
  const connection = await connect({ alias, configFile }, new Person(), {});
  await connection.stream(lines(script, cleanup), null, { events: () => {} });
  process.stdout.write('up\n');
}

void main();
