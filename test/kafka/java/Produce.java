import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.header.internals.RecordHeader;

/**
 * `produce`: --count records `value-0`, `value-1`, … with keys `key-0` … `key-(keys − 1)`; --null-every n makes
 * every n-th value null. Prints where each one went.
 */
final class Produce {
  private Produce() {}

  static void run(Options options) throws Exception {
    var transaction = options.text("transaction", "none");
    var properties = options.client("compression.type", options.text("codec", "none"), "linger.ms", "50");
    if (!transaction.equals("none")) properties.put("transactional.id", options.text("transactional-id", "tests"));
    try (var producer = new KafkaProducer<byte[], byte[]>(properties)) {
      if (!transaction.equals("none")) {
        producer.initTransactions();
        producer.beginTransaction();
      }
      var sent = new ArrayList<Future<RecordMetadata>>();
      int count = options.number("count", 1);
      for (int i = 0; i < count; i++) sent.add(producer.send(record(options, i)));
      producer.flush();
      for (var answer : sent) print(answer.get());
      if (transaction.equals("commit")) producer.commitTransaction();
      if (transaction.equals("abort")) producer.abortTransaction();
      // Any other word leaves the transaction open, as a crash would: close() would abort it.
      if (!transaction.equals("none") && !transaction.equals("commit") && !transaction.equals("abort")) Runtime.getRuntime().halt(0);
    }
  }

  private static ProducerRecord<byte[], byte[]> record(Options options, int number) {
    int keys = options.number("keys", 0);
    int partition = options.number("partition", -1);
    int valueBytes = options.number("value-bytes", 0);
    long firstTimestampMs = options.longNumber("first-timestamp-ms", -1);
    var key = keys > 0 ? utf8("key-" + number % keys) : null;
    var text = options.text("value-prefix", "value-") + number;
    int nullEvery = options.number("null-every", 0);
    var value = nullEvery > 0 && number % nullEvery == 0 ? null : utf8(text.length() >= valueBytes ? text : text + ".".repeat(valueBytes - text.length()));
    var record = new ProducerRecord<byte[], byte[]>(
        options.text("topic"), partition < 0 ? null : partition, firstTimestampMs < 0 ? null : firstTimestampMs + number, key, value);
    for (int i = 0; i < options.number("headers", 0); i++) record.headers().add(new RecordHeader("header-" + i, utf8("" + number)));
    return record;
  }

  private static void print(RecordMetadata stored) throws Exception {
    Json.print(Json.object(
        "topic", stored.topic(), "partition", stored.partition(), "offset", stored.offset(), "timestampMs", stored.timestamp()));
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
