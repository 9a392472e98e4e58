import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;

/**
 * `consume`: reads --topics, with --group as a member of it (--protocol classic | consumer), without one from the
 * beginning of every partition. Prints each record, and at the end why it stopped and what it committed.
 * It stops at --max records, when it has caught up, or after --timeout-ms; with --hold true only when standard input ends.
 */
final class Consume implements ConsumerRebalanceListener {
  private final Options options;
  private final KafkaConsumer<byte[], byte[]> consumer;
  private final Map<TopicPartition, OffsetAndMetadata> processed = new HashMap<>();
  private final long max;
  private long count = 0;
  private volatile boolean inputEnded = false;

  private Consume(Options options) {
    this.options = options;
    this.max = options.longNumber("max", Long.MAX_VALUE);
    var properties = options.client(
        "enable.auto.commit", "false",
        "auto.offset.reset", options.text("reset", "none"),
        "isolation.level", options.text("isolation", "read_uncommitted"));
    if (options.values().containsKey("group")) {
      properties.put("group.id", options.text("group"));
      properties.put("group.protocol", options.text("protocol", "classic"));
    }
    if (options.values().containsKey("instance-id")) properties.put("group.instance.id", options.text("instance-id"));
    this.consumer = new KafkaConsumer<>(properties);
  }

  static void run(Options options) throws Exception {
    var consume = new Consume(options);
    try (consume.consumer) {
      consume.begin();
      var reason = consume.loop();
      if (options.flag("commit")) consume.consumer.commitSync(consume.processed);
      consume.end(reason);
    }
  }

  private void begin() {
    if (options.values().containsKey("group")) {
      consumer.subscribe(options.list("topics"), this);
      return;
    }
    var all = new ArrayList<TopicPartition>();
    for (var topic : options.list("topics")) for (var info : consumer.partitionsFor(topic)) all.add(new TopicPartition(topic, info.partition()));
    consumer.assign(all);
    consumer.seekToBeginning(all);
  }

  private String loop() throws Exception {
    boolean hold = options.flag("hold");
    if (hold) watchStandardInput();
    long deadline = System.nanoTime() + options.longNumber("timeout-ms", 30_000) * 1_000_000;
    while (count < max || hold) {
      if (hold && inputEnded) return "input-ended";
      if (!hold && System.nanoTime() > deadline) return "timeout";
      for (var record : consumer.poll(Duration.ofMillis(100))) if (count < max) handle(record);
      if (!hold && count < max && caughtUp()) return "caught-up";
    }
    return "max";
  }

  private void handle(ConsumerRecord<byte[], byte[]> record) throws Exception {
    count++;
    var partition = new TopicPartition(record.topic(), record.partition());
    processed.put(partition, new OffsetAndMetadata(record.offset() + 1, record.leaderEpoch(), ""));
    var headers = new ArrayList<Object>();
    for (var header : record.headers()) headers.add(Json.object("key", header.key(), "value", Json.bytes(header.value())));
    Json.print(Json.object(
        "topic", record.topic(), "partition", record.partition(), "offset", record.offset(), "timestampMs", record.timestamp(),
        "key", Json.bytes(record.key()), "value", Json.bytes(record.value()), "headers", headers,
        "leaderEpoch", record.leaderEpoch().orElse(-1)));
  }

  private boolean caughtUp() {
    var assigned = consumer.assignment();
    if (assigned.isEmpty()) return false;
    var ends = consumer.endOffsets(assigned);
    return assigned.stream().allMatch(partition -> consumer.position(partition) >= ends.get(partition));
  }

  /** A member that is held leaves when the test says so, and also when the test's process is gone. */
  private void watchStandardInput() {
    var watcher = new Thread(() -> {
      try {
        while (System.in.read() >= 0) continue;
      } catch (IOException closed) {
        // The same as its end.
      }
      inputEnded = true;
    });
    watcher.setDaemon(true);
    watcher.start();
  }

  private void end(String reason) throws Exception {
    var committed = new ArrayList<Object>();
    if (options.flag("commit")) processed.forEach((partition, offset) -> committed.add(place(partition, "committedOffset", offset.offset())));
    Json.print(Json.object("end", reason, "records", count, "assigned", places(consumer.assignment()), "committed", committed));
  }

  @Override
  public void onPartitionsAssigned(Collection<TopicPartition> added) {
    printAssignment();
  }

  @Override
  public void onPartitionsRevoked(Collection<TopicPartition> removed) {}

  private void printAssignment() {
    try {
      if (options.flag("hold")) Json.print(Json.object("member", consumer.groupMetadata().memberId(), "assigned", places(consumer.assignment())));
    } catch (Exception broken) {
      throw new IllegalStateException(broken);
    }
  }

  private static List<Object> places(Collection<TopicPartition> partitions) {
    return partitions.stream().map(partition -> (Object) place(partition)).toList();
  }

  private static Map<String, Object> place(TopicPartition partition, Object... more) {
    var place = Json.object("topic", partition.topic(), "partition", partition.partition());
    for (int i = 0; i < more.length; i += 2) place.put((String) more[i], more[i + 1]);
    return place;
  }
}
