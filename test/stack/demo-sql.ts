/** `npm run demo:sql -- "SELECT …"`: runs a statement in the database of a running demo, where there is no psql. */
import pg from 'pg';

const [sql = 'SELECT * FROM inventory.customers', address = 'postgres://postgres:postgres@127.0.0.1:5432/postgres'] =
  process.argv.slice(2);
const client = new pg.Client({ connectionString: address });
try {
  await client.connect();
  const { rows, rowCount } = await client.query(sql);
  process.stdout.write(`${rows.map((row) => JSON.stringify(row)).join('\n')}\n${rowCount ?? 0} rows\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
} finally {
  await client.end();
}
