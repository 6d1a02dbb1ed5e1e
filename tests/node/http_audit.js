// The public audits of GraphQL over HTTP against a running server: `node http_audit.js URL KEY`.
// Prints a line of JSON for each audit: its id, its name, and how it went.
import { serverAudits } from 'graphql-http';

const [url, key] = process.argv.slice(2);

const withKey = (input, init = {}) =>
  fetch(input, { ...init, headers: { ...init.headers, authorization: `Bearer ${key}` } });

for (const audit of serverAudits({ url, fetchFn: withKey })) {
  const { id, name, status, reason = null } = await audit.fn();
  console.log(JSON.stringify({ id, name, status, reason }));
}
