// A client of Drumbeat's API whose documents are typed by schema.graphql (gql.tada):
// `npm ci && npm run check`, then `DRUMBEAT_KEY=db_… npm start https://drumbeat.example.com`.
//
// It makes a mailbox, a sequence and an enrollment, and prints the timetable.

import { initGraphQLTada, type ResultOf, type TadaDocumentNode, type VariablesOf } from "gql.tada";
import { print } from "graphql";

import type { introspection } from "./schema.d.ts";

const graphql = initGraphQLTada<{
  introspection: introspection;
  scalars: {
    Date: string;
    DateTime: string;
    EmailAddress: string;
    JSON: Record<string, unknown>;
    LocalTime: string;
    TimeZone: string;
  };
}>();

const userError = graphql(`
  fragment Problem on UserError @_unmask {
    code
    message
    path
  }
`);

const createMailbox = graphql(
  `
    mutation Mailbox($input: CreateMailboxInput!) {
      payload: createMailbox(input: $input) {
        mailbox { id name }
        userErrors { ...Problem }
      }
    }
  `,
  [userError],
);

const createSequence = graphql(
  `
    mutation Sequence($input: CreateSequenceInput!) {
      payload: createSequence(input: $input) {
        sequence { id stepCount }
        userErrors { ...Problem }
      }
    }
  `,
  [userError],
);

const activateSequence = graphql(
  `
    mutation Activate($input: ActivateSequenceInput!) {
      payload: activateSequence(input: $input) {
        sequence { id status }
        userErrors { ...Problem }
      }
    }
  `,
  [userError],
);

const enrollContacts = graphql(
  `
    mutation Enroll($input: EnrollContactsInput!) {
      payload: enrollContacts(input: $input) {
        enrolled
        alreadyEnrolled
        suppressed
        userErrors { ...Problem }
      }
    }
  `,
  [userError],
);

const timetable = graphql(`
  query Timetable($filter: ScheduledEmailFilter, $after: String) {
    scheduledEmails(first: 100, after: $after, filter: $filter) {
      nodes { status sendAt recipientEmail subject mailbox { name } }
      pageInfo { hasNextPage endCursor }
    }
  }
`);

type Document<Data, Variables> = TadaDocumentNode<Data, Variables>;
type Payload = { userErrors: ResultOf<typeof userError>[] };

class Drumbeat {
  readonly #url: string;
  readonly #key: string;

  constructor(url: string, key: string) {
    this.#url = `${url}/graphql`;
    this.#key = key;
  }

  /** The data of the answer; errors at its top level are thrown. */
  async ask<Data, Variables>(document: Document<Data, Variables>, variables: Variables): Promise<Data> {
    const response = await fetch(this.#url, {
      method: "POST",
      headers: {
        Authorization: `Bearer ${this.#key}`,
        "Content-Type": "application/json",
        Accept: "application/graphql-response+json",
      },
      body: JSON.stringify({ query: print(document), variables }),
    });
    const answer = (await response.json()) as { data: Data; errors?: { message: string }[] };
    if (answer.errors) throw new Error(answer.errors.map((each) => each.message).join("; "));
    return answer.data;
  }

  /** The payload of the document's one mutation; what is wrong with its input is thrown. */
  async change<Changed extends Payload, Variables>(
    document: Document<{ payload: Changed }, Variables>,
    variables: Variables,
  ): Promise<Changed> {
    const { payload } = await this.ask(document, variables);
    if (payload.userErrors.length) {
      throw new Error(payload.userErrors.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; "));
    }
    return payload;
  }

  /** All scheduled emails that the filter lets through, page by page. */
  async *emails(filter: NonNullable<VariablesOf<typeof timetable>["filter"]>) {
    let after: string | null = null;
    for (;;) {
      const { scheduledEmails }: ResultOf<typeof timetable> = await this.ask(timetable, { filter, after });
      yield* scheduledEmails.nodes;
      if (!scheduledEmails.pageInfo.hasNextPage) return;
      after = scheduledEmails.pageInfo.endCursor;
    }
  }
}

function present<T>(value: T | null | undefined): T {
  if (value == null) throw new Error("The answer lacks what was changed.");
  return value;
}

/** The emails of a sequence, which have their times a moment after somebody was enrolled. */
async function planned(drumbeat: Drumbeat, sequenceId: string) {
  for (let tries = 0; tries < 100; tries++) {
    const emails = await Array.fromAsync(drumbeat.emails({ sequenceId, isUnplaced: false }));
    if (emails.length) return emails;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  throw new Error("Nothing was planned within half a minute: do a clock and a worker run?");
}

async function main(url: string, key: string) {
  const drumbeat = new Drumbeat(url, key);
  const mailbox = present(
    (
      await drumbeat.change(createMailbox, {
        input: { email: "ts@example.com", zone: "Europe/Berlin", host: "127.0.0.1", port: 2525, security: "NONE" },
      })
    ).mailbox,
  );
  const sequence = present(
    (
      await drumbeat.change(createSequence, {
        input: {
          name: "From TypeScript",
          mailboxIds: [mailbox.id],
          steps: [
            { subject: "Hello {{ first_name }}", bodyText: "Shall we talk?" },
            { subject: "One more thing", bodyText: "Still there?", waitWorkingDays: 3 },
          ],
        },
      })
    ).sequence,
  );
  await drumbeat.change(activateSequence, { input: { sequenceId: sequence.id } });
  const { enrolled } = await drumbeat.change(enrollContacts, {
    input: { sequenceId: sequence.id, contacts: [{ email: "ada@example.test", firstName: "Ada" }] },
  });
  console.log(`enrolled ${enrolled}`);
  for (const email of await planned(drumbeat, sequence.id)) {
    console.log(`${email.sendAt} ${email.recipientEmail} ${email.subject}`);
  }
}

const [url] = process.argv.slice(2);
await main(present(url), present(process.env["DRUMBEAT_KEY"]));
