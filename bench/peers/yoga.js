// The peer of the API: graphql-yoga and pg answer the one list, with the whole schema and the same statement.
// `node yoga.js SCHEMA STATEMENT URL WORKSPACE PORT`: no key, and one workspace for everyone.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";

import { createSchema, createYoga } from "graphql-yoga";
import pg from "pg";

const [schema, statement, url, workspace, port] = process.argv.slice(2);
const pool = new pg.Pool({ connectionString: url, max: 10, options: "-c timezone=UTC" });
const text = readFileSync(statement, "utf8");

const base64 = (bytes) => Buffer.from(bytes).toString("base64url");
const globalId = (kind, uuid) =>
  base64(Buffer.concat([Buffer.from(`${kind}:`), Buffer.from(uuid.replaceAll("-", ""), "hex")]));

const email = (row) => ({
  id: globalId("ScheduledEmail", row[0]),
  status: row[1],
  sendAt: row[2] && row[2].toISOString().replace(".000Z", "Z"),
  retryCount: row[3],
  contact: { email: row[4], firstName: row[5], company: row[6] },
  step: { position: row[7], subject: row[8] },
  mailbox: row[9] === null ? null : { name: row[9], email: row[10] },
});

const scheduledEmails = async (_, { first }) => {
  const { rows } = await pool.query({ name: "list", text, values: [workspace, first + 1], rowMode: "array" });
  const shown = rows.slice(0, first);
  const last = shown.at(-1);
  return {
    nodes: shown.map(email),
    pageInfo: {
      hasNextPage: rows.length > first,
      endCursor: last ? base64(JSON.stringify([last[11], last[0]])) : null,
    },
  };
};

const yoga = createYoga({
  schema: createSchema({ typeDefs: readFileSync(schema, "utf8"), resolvers: { Query: { scheduledEmails } } }),
  logging: "error",
});
createServer(yoga).listen(Number(port), "127.0.0.1");
