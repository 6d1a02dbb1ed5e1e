// The peer of sending: BullMQ, nodemailer and pg, tuned, as most build it on Node.
// `node bullmq.js work REDIS_PORT URL SMTP_PORT CONCURRENCY` sends until it is ended; `node bullmq.js enqueue
// REDIS_PORT URL` queues what is pending, for each line that it is given. Both say when they are ready. Nothing
// keeps an email from being sent twice here.

import { connect } from "node:net";
import { createInterface } from "node:readline";

import { Queue, Worker } from "bullmq";
import nodemailer from "nodemailer";
import pg from "pg";

const [role, redisPort, url, smtpPort, concurrency] = process.argv.slice(2);
const connection = { host: "127.0.0.1", port: Number(redisPort) };
const pool = new pg.Pool({ connectionString: url, max: 10, options: "-c timezone=UTC" });
const QUEUE = "emails";
// As many at once as Redis takes well.
const BULK = 1000;

const TAG = /{{ ?([a-z_.]+) ?}}/g;
const compiled = (template, fields) => template.replace(TAG, (_, name) => fields[name]);

async function enqueue() {
  const queue = new Queue(QUEUE, { connection, defaultJobOptions: { removeOnComplete: true, removeOnFail: true } });
  await queue.waitUntilReady();
  const text = "SELECT id, sender, recipient, fields FROM peer.emails WHERE status = 'PENDING'";
  await pool.query(text);
  console.log("ready");
  for await (const _ of createInterface({ input: process.stdin })) {
    const { rows } = await pool.query(text);
    for (let start = 0; start < rows.length; start += BULK) {
      await queue.addBulk(rows.slice(start, start + BULK).map((data) => ({ name: "send", data })));
    }
  }
  await queue.close();
  await pool.end();
}

async function work() {
  const { rows } = await pool.query("SELECT subject, body_text, body_html FROM peer.templates");
  const [{ subject, body_text, body_html }] = rows;
  const transport = nodemailer.createTransport({
    host: "127.0.0.1",
    port: Number(smtpPort),
    secure: false,
    ignoreTLS: true,
    pool: true,
    maxConnections: Number(concurrency),
    maxMessages: Infinity,
    // nodemailer leaves Nagle's algorithm on: its small writes wait for the receiver's delayed acknowledgement.
    getSocket(options, callback) {
      const socket = connect({ host: options.host, port: options.port, noDelay: true });
      socket.once("error", callback);
      socket.once("connect", () => callback(null, { connection: socket }));
    },
  });
  const text = "UPDATE peer.emails SET status = 'SENT', sent_at = now(), message_id = $2 WHERE id = $1";
  const send = async ({ data: { id, sender, recipient, fields } }) => {
    const { messageId } = await transport.sendMail({
      from: { name: "Ada Müller", address: sender },
      to: recipient,
      subject: compiled(subject, fields),
      text: compiled(body_text, fields),
      html: compiled(body_html, fields),
      headers: {
        "List-Unsubscribe": `<${fields.unsubscribe_url}>`,
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
      },
    });
    await pool.query({ name: "sent", text, values: [id, messageId] });
  };
  const worker = new Worker(QUEUE, send, { connection, concurrency: Number(concurrency) });
  worker.on("failed", (_, error) => console.error(error));
  await worker.waitUntilReady();
  console.log("ready");
}

await { enqueue, work }[role]();
