// A till: ask whether a gift card may pay, wait for the answer, then publish the sale, which captures the hold.
//
//     npm ci
//     KAFKA=localhost:9092 ORGCODE=acme node till.mjs CARD_NUMBER AMOUNT_MINOR

import { randomUUID } from "node:crypto";
import { Kafka, logLevel } from "kafkajs";

const { KAFKA = "localhost:9092", ORGCODE = "acme", TOPIC_PREFIX = "", PATIENCE_S = "10" } = process.env;
const MAY_PAY = new Set(["authorized", "captured"]);

// A CloudEvent in structured mode. The identity is (orgcode, type, subject): sent twice, it counts once.
function event(type, subject, data) {
  return JSON.stringify({
    specversion: "1.0", id: randomUUID(), source: "/till/london-1/3", type, subject, orgcode: ORGCODE,
    datacontenttype: "application/json", data: { ...data, occurred_at: new Date().toISOString() },
  });
}

// Hears what comes from now on; a group of its own, so that it sees every answer and picks its own.
async function listen(kafka, topics) {
  const waiting = new Map();
  const letters = new Map(); // dead letters by the place of the record that they are of
  const place = (topic, partition, offset) => `${topic} ${partition} ${offset}`;
  const took = new Map(); // a place, and whom to tell
  const group = `till-${randomUUID()}`;
  const consumer = kafka.consumer({ groupId: group });
  const joined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve));
  await consumer.connect();
  await consumer.subscribe({ topics, fromBeginning: false });
  // The end as it is before anything is asked: "latest" would be looked up with the first fetch, which may be too late.
  const admin = kafka.admin();
  await admin.connect();
  const ends = await Promise.all(topics.map(async (topic) => ({ topic, of: await admin.fetchTopicOffsets(topic) })));
  await consumer.run({
    eachMessage: async ({ topic, message }) => {
      if (topic.endsWith("-dlt")) {
        const header = (name) => message.headers[name]?.toString() ?? "";
        const [from, part, at] = ["topic", "partition", "offset"].map((one) => header(`kafka_dlt-original-${one}`));
        const letter = { deadLetter: `${header("crm-reason")} ${header("crm-detail")}`.trim() };
        letters.set(place(from, part, at), letter);
        took.get(place(from, part, at))?.(letter);
        return;
      }
      const { orgcode, type, subject, data } = JSON.parse(message.value);
      // An approval that comes again says in a header what has become of the tender since.
      const state = message.headers["crm-tender-state"]?.toString() ?? data.tender?.state;
      waiting.get(`${orgcode} ${type} ${subject}`)?.({ ...data, state });
    },
  });
  await joined;
  for (const { topic, of } of ends) for (const { partition, offset } of of) consumer.seek({ topic, partition, offset });
  return {
    // The outcome's data, with the tender's present state; { deadLetter } if the worker can't read the request, which
    // `published` resolves to the place of; undefined if nothing came in time.
    answer: (type, subject, published) => new Promise((resolve) => {
      const timer = setTimeout(resolve, PATIENCE_S * 1000);
      const told = (data) => { clearTimeout(timer); resolve(data); };
      waiting.set(`${ORGCODE} ${type} ${subject}`, told);
      published.then(([{ topicName, partition, baseOffset }]) => {
        const at = place(topicName, partition, baseOffset);
        if (letters.has(at)) told(letters.get(at)); // it was faster than the acknowledgement
        else took.set(at, told);
      }, () => {});
    }),
    close: async () => {
      await consumer.disconnect();
      await admin.deleteGroups([group]);
      await admin.disconnect();
    },
  };
}

// 0 if the card may pay and the sale is published, 1 if it may not, 2 without an answer, 3 for a dead letter.
async function pay(cardNumber, amount) {
  const kafka = new Kafka({ brokers: KAFKA.split(","), logLevel: logLevel.ERROR });
  const day = new Date().toISOString().slice(0, 10).replaceAll("-", "");
  const sale_id = `london-1-3-${day}-${randomUUID().slice(0, 8)}`; // unique for ever, not a running number
  const tender_id = `${sale_id}-T1`;
  const sale = { sale_id, store_id: "london-1", currency: "GBP" };
  // Before asking, or the answer may be missed.
  const answers = await listen(kafka, [`${TOPIC_PREFIX}crm.tender-outcomes`, `${TOPIC_PREFIX}scm.tenders-dlt`]);
  const producer = kafka.producer({ idempotent: true });
  await producer.connect();
  const publish = (topic, type, subject, data) =>
    producer.send({ topic: TOPIC_PREFIX + topic, acks: -1, messages: [{ key: sale_id, value: event(type, subject, data) }] });
  try {
    const gift_card = { number: cardNumber };
    const request = { ...sale, tender_id, kind: "gift_card", amount_minor: amount, gift_card };
    const asked = publish("scm.tenders", "scm.tender.requested", tender_id, request);
    const told = answers.answer("crm.outcome.tender.requested", tender_id, asked);
    await asked;
    const outcome = await told;
    if (outcome?.deadLetter) {
      console.log("the request can't be read, tell whoever runs the till:", outcome.deadLetter);
      return 3;
    }
    if (!outcome) {
      // Nobody knows whether it was held: undo it. A request that is decided later is declined.
      await publish("scm.tenders", "scm.tender.voided", tender_id, { tender_id, reason: "timeout" });
      console.log("no answer: take another means of payment");
      return 2;
    }
    console.log(outcome.status, outcome.reason ?? "", "approved:", outcome.tender.approved_minor);
    if (outcome.status !== "approved" || !MAY_PAY.has(outcome.state)) return 1;
    const lines = [{ line_id: 1, sku: "85123A", net_minor: amount }];
    const tenders = [{ tender_id, kind: "gift_card", amount_minor: amount }];
    await publish("scm.sales", "scm.sale.completed", sale_id, { ...sale, lines, tenders });
    console.log("sale", sale_id, "published: the card pays", amount);
    return 0;
  } finally {
    await producer.disconnect();
    await answers.close();
  }
}

if (process.argv.length < 4) {
  console.error("usage: node till.mjs CARD_NUMBER AMOUNT_MINOR");
  process.exit(2);
}
process.exitCode = await pay(process.argv[2], Number(process.argv[3]));
