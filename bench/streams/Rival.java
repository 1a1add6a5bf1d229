import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * Kafka Streams, tuned: reads sales, keeps identities, digests and balances in state stores, publishes outcomes.
 *
 * <p>Exactly once, with changelogs in Kafka; RocksDB instead of Postgres, so nothing can be asked by SQL. It has no
 * tender, return, lot, deadline, policy, tenant, journal or dead letter. All of that is in its favour.
 *
 * <p>Arguments: servers, topic of sales, topic of outcomes, application id, threads, documents. It ends once it has
 * handled so many.
 */
public final class Rival {
    private static final ObjectMapper JSON = new ObjectMapper();

    private Rival() {}

    public static void main(String[] arguments) throws Exception {
        String sales = arguments[1];
        String outcomes = arguments[2];
        long documents = Long.parseLong(arguments[5]);
        AtomicLong handled = new AtomicLong();
        CountDownLatch done = new CountDownLatch(1);
        Topology topology = new Topology();
        var bytes = Serdes.ByteArray();
        topology.addSource("sales", bytes.deserializer(), bytes.deserializer(), sales)
                .addProcessor("booking", () -> new Booking(handled, documents, done), "sales")
                .addStateStore(
                        Stores.keyValueStoreBuilder(
                                Stores.persistentKeyValueStore("balances"), Serdes.String(), Serdes.Long())
                                .withCachingEnabled(),
                        "booking")
                .addStateStore(
                        Stores.keyValueStoreBuilder(
                                Stores.persistentKeyValueStore("events"), Serdes.String(), bytes),
                        "booking")
                .addSink("outcomes", outcomes, bytes.serializer(), bytes.serializer(), "booking");
        KafkaStreams streams = new KafkaStreams(topology, properties(arguments));
        streams.setStateListener((now, before) -> {
            if (now == KafkaStreams.State.RUNNING && handled.get() == 0) {
                System.out.println("{\"event\": \"assigned\", \"timestamp\": \"" + Instant.now() + "\"}");
            }
        });
        streams.start();
        done.await();
        streams.close();
    }

    private static Properties properties(String[] arguments) throws Exception {
        Path folder = Files.createTempDirectory("streams-rival");
        Properties tuned = new Properties();
        tuned.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, arguments[0]);
        tuned.put(StreamsConfig.APPLICATION_ID_CONFIG, arguments[3]);
        tuned.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, arguments[4]);
        tuned.put(StreamsConfig.STATE_DIR_CONFIG, folder.toString());
        tuned.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        tuned.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 200);
        tuned.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 64 << 20);
        tuned.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, 5000);
        tuned.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 5000);
        tuned.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
        tuned.put(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG), 20);
        tuned.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 512 << 10);
        return tuned;
    }

    /** Answers duplicates from the store, books the rest. */
    private static final class Booking implements Processor<byte[], byte[], byte[], byte[]> {
        private final AtomicLong handled;
        private final long documents;
        private final CountDownLatch done;
        private ProcessorContext<byte[], byte[]> context;
        private KeyValueStore<String, Long> balances;
        private KeyValueStore<String, byte[]> events;

        Booking(AtomicLong handled, long documents, CountDownLatch done) {
            this.handled = handled;
            this.documents = documents;
            this.done = done;
        }

        @Override
        public void init(ProcessorContext<byte[], byte[]> context) {
            this.context = context;
            balances = context.getStateStore("balances");
            events = context.getStateStore("events");
        }

        @Override
        public void process(Record<byte[], byte[]> record) {
            try {
                byte[] outcome = outcome(JSON.readTree(record.value()));
                context.forward(record.withValue(outcome));
            } catch (Exception error) {
                throw new IllegalStateException(error);
            }
            if (handled.incrementAndGet() == documents) {
                done.countDown();
            }
        }

        private byte[] outcome(JsonNode event) throws Exception {
            JsonNode sale = event.get("data");
            String subject = event.get("orgcode").textValue() + "/" + event.get("type").textValue() + "/"
                    + event.get("subject").textValue();
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(JSON.writeValueAsBytes(sale));
            byte[] known = events.get(subject);
            if (known != null) {
                return answer(known, digest);
            }
            long net = 0;
            for (JsonNode line : sale.get("lines")) {
                net += line.get("net_minor").longValue();
            }
            String customer = sale.get("customer_id").textValue();
            Long before = balances.get(customer);
            long balance = (before == null ? 0 : before) + net / 100;
            balances.put(customer, balance);
            byte[] outcome = JSON.writeValueAsBytes(told(event, customer, net / 100, balance));
            byte[] stored = new byte[digest.length + outcome.length];
            System.arraycopy(digest, 0, stored, 0, digest.length);
            System.arraycopy(outcome, 0, stored, digest.length, outcome.length);
            events.put(subject, stored);
            return outcome;
        }

        private static byte[] answer(byte[] known, byte[] digest) {
            for (int place = 0; place < digest.length; place++) {
                if (known[place] != digest[place]) {
                    throw new IllegalStateException("a sale came with other content");
                }
            }
            byte[] outcome = new byte[known.length - digest.length];
            System.arraycopy(known, digest.length, outcome, 0, outcome.length);
            return outcome;
        }

        private static JsonNode told(JsonNode event, String customer, long earned, long balance) {
            var told = JSON.createObjectNode();
            told.put("specversion", "1.0").put("id", "o-" + event.get("subject").textValue()).put("source", "/rival");
            told.put("type", "crm.outcome").set("subject", event.get("subject"));
            told.set("orgcode", event.get("orgcode"));
            var data = told.putObject("data").put("status", "applied").put("customer_id", customer);
            data.putObject("points").put("earned", earned).put("balance", balance);
            return told;
        }
    }
}
