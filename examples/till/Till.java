// A till: ask whether a gift card may pay, wait for the answer, then publish the sale, which captures the hold.
//
//     mvn -q dependency:copy-dependencies
//     KAFKA=localhost:9092 ORGCODE=acme java -cp 'target/dependency/*' Till.java CARD_NUMBER AMOUNT_MINOR

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.UUID;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

public final class Till {
    static final String KAFKA = System.getenv().getOrDefault("KAFKA", "localhost:9092");
    static final String ORGCODE = System.getenv().getOrDefault("ORGCODE", "acme");
    static final String PREFIX = System.getenv().getOrDefault("TOPIC_PREFIX", "");
    static final Duration PATIENCE =
        Duration.ofSeconds(Long.parseLong(System.getenv().getOrDefault("PATIENCE_S", "10")));
    static final Set<String> MAY_PAY = Set.of("authorized", "captured");
    static final String DEAD_LETTERS = "-dlt";
    static final ObjectMapper JSON = new ObjectMapper();

    /** A CloudEvent in structured mode. The identity is (orgcode, type, subject): sent twice, it counts once. */
    static String event(String type, String subject, Map<String, Object> data) throws Exception {
        var complete = new LinkedHashMap<>(data);
        complete.put("occurred_at", Instant.now().toString());
        return JSON.writeValueAsString(Map.of(
            "specversion", "1.0", "id", UUID.randomUUID().toString(), "source", "/till/london-1/3", "type", type,
            "subject", subject, "orgcode", ORGCODE, "datacontenttype", "application/json", "data", complete));
    }

    /** Reads what comes from now on. Without a group: every till sees every answer and picks its own. */
    static KafkaConsumer<String, String> atTheEnd(String... topics) {
        var settings = new Properties();
        settings.put("bootstrap.servers", KAFKA);
        var consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer());
        var partitions = Arrays.stream(topics).flatMap(topic -> consumer.partitionsFor(topic).stream())
            .map(one -> new TopicPartition(one.topic(), one.partition())).toList();
        consumer.assign(partitions);
        consumer.seekToEnd(partitions);
        partitions.forEach(consumer::position); // asks for the ends now, not with the first poll
        return consumer;
    }

    static String header(ConsumerRecord<String, String> record, String name) {
        var header = record.headers().lastHeader(name);
        return header == null ? "" : new String(header.value());
    }

    /** Whether this is the dead letter of the record that was asked with: its headers say of which it is. */
    static boolean isOf(ConsumerRecord<String, String> letter, RecordMetadata asked) {
        return header(letter, "kafka_dlt-original-topic").equals(asked.topic())
            && header(letter, "kafka_dlt-original-partition").equals(String.valueOf(asked.partition()))
            && header(letter, "kafka_dlt-original-offset").equals(String.valueOf(asked.offset()));
    }

    /** The outcome of that type and subject, or the request's dead letter; null if neither came in time. */
    static ConsumerRecord<String, String> answer(KafkaConsumer<String, String> consumer, String type, String subject,
            RecordMetadata asked) throws Exception {
        var until = Instant.now().plus(PATIENCE);
        while (Instant.now().isBefore(until)) {
            for (var record : consumer.poll(Duration.between(Instant.now(), until))) {
                if (record.topic().endsWith(DEAD_LETTERS)) {
                    if (isOf(record, asked)) {
                        return record;
                    }
                    continue;
                }
                var outcome = JSON.readTree(record.value());
                if (outcome.get("orgcode").asText().equals(ORGCODE) && outcome.get("type").asText().equals(type)
                        && outcome.get("subject").asText().equals(subject)) {
                    return record;
                }
            }
        }
        return null;
    }

    /** An approval that comes again says in a header what has become of the tender since. */
    static String presentState(ConsumerRecord<String, String> record, JsonNode data) {
        var state = header(record, "crm-tender-state");
        return state.isEmpty() ? data.get("tender").get("state").asText() : state;
    }

    public static void main(String[] arguments) throws Exception {
        if (arguments.length < 2) {
            System.err.println("usage: java -cp 'target/dependency/*' Till.java CARD_NUMBER AMOUNT_MINOR");
            System.exit(2);
        }
        var amount = Long.parseLong(arguments[1]);
        var day = Instant.now().toString().substring(0, 10).replace("-", "");
        var saleId = "london-1-3-" + day + "-" + UUID.randomUUID().toString().substring(0, 8); // unique for ever
        var tenderId = saleId + "-T1";
        var settings = new Properties();
        settings.put("bootstrap.servers", KAFKA);
        settings.put("acks", "all");
        settings.put("enable.idempotence", "true");
        // The reader is there before the question, or the answer may be missed.
        try (var answers = atTheEnd(PREFIX + "crm.tender-outcomes", PREFIX + "scm.tenders" + DEAD_LETTERS);
                var producer = new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer())) {
            var request = Map.<String, Object>of(
                "tender_id", tenderId, "sale_id", saleId, "store_id", "london-1", "currency", "GBP",
                "kind", "gift_card", "amount_minor", amount, "gift_card", Map.of("number", arguments[0]));
            var asked = producer.send(new ProducerRecord<>(PREFIX + "scm.tenders", saleId,
                event("scm.tender.requested", tenderId, request))).get();
            var record = answer(answers, "crm.outcome.tender.requested", tenderId, asked);
            if (record == null) {
                // Nobody knows whether it was held: undo it. A request that is decided later is declined.
                producer.send(new ProducerRecord<>(PREFIX + "scm.tenders", saleId,
                    event("scm.tender.voided", tenderId, Map.of("tender_id", tenderId, "reason", "timeout")))).get();
                System.out.println("no answer: take another means of payment");
                System.exit(2);
            }
            if (record.topic().endsWith(DEAD_LETTERS)) { // nothing is held
                System.out.println("the request can't be read, tell whoever runs the till: "
                    + (header(record, "crm-reason") + " " + header(record, "crm-detail")).trim());
                System.exit(3);
            }
            var told = JSON.readTree(record.value()).get("data");
            System.out.println(told.get("status").asText() + " " + told.path("reason").asText("")
                + " approved: " + told.get("tender").get("approved_minor"));
            if (!told.get("status").asText().equals("approved") || !MAY_PAY.contains(presentState(record, told))) {
                System.exit(1);
            }
            var sale = Map.<String, Object>of(
                "sale_id", saleId, "store_id", "london-1", "currency", "GBP",
                "lines", List.of(Map.of("line_id", 1, "sku", "85123A", "net_minor", amount)),
                "tenders", List.of(Map.of("tender_id", tenderId, "kind", "gift_card", "amount_minor", amount)));
            producer.send(new ProducerRecord<>(PREFIX + "scm.sales", saleId,
                event("scm.sale.completed", saleId, sale))).get();
            System.out.println("sale " + saleId + " published: the card pays " + amount);
        }
    }
}
