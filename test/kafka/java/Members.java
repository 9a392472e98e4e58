import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.KafkaShareConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.SubscriptionPattern;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;

/**
 * Members that stay in their groups while a test looks at them, all in one JVM. `join` returns once --max records have been
 * read (and, with --commit, committed) and, but for share groups, partitions were assigned; `leave` ends a member by its --name.
 */
final class Members {
  private static final Map<String, Member> HELD = new ConcurrentHashMap<>();

  private Members() {}

  static void join(Options options) throws Exception {
    var member = switch (options.text("protocol", "classic")) {
      case "share" -> share(options);
      case "streams" -> streams(options);
      default -> consumer(options);
    };
    HELD.put(options.text("name"), member);
    if (!member.settled.await(60, TimeUnit.SECONDS)) throw new IllegalStateException(options.text("name") + " did not settle");
    if (member.failure != null) throw new IllegalStateException(member.failure);
  }

  static void leave(Options options) throws Exception {
    var member = HELD.remove(options.text("name"));
    member.leaving.set(true);
    member.thread.join();
  }

  private static Member consumer(Options options) {
    var properties = options.client(
        "enable.auto.commit", "false", "auto.offset.reset", "earliest", "group.id", options.text("group"),
        "group.protocol", options.text("protocol", "classic"), "isolation.level", options.text("isolation", "read_committed"));
    if (options.values().containsKey("instance-id")) properties.put("group.instance.id", options.text("instance-id"));
    var member = new Member(options.longNumber("max", 0));
    return member.begin(() -> {
      try (var consumer = new KafkaConsumer<byte[], byte[]>(properties)) {
        if (options.values().containsKey("pattern")) consumer.subscribe(new SubscriptionPattern(options.text("pattern")));
        else consumer.subscribe(options.list("topics"));
        var processed = new HashMap<TopicPartition, OffsetAndMetadata>();
        while (!member.leaving.get()) {
          for (var record : consumer.poll(Duration.ofMillis(100))) {
            if (member.hasEnough()) break;
            member.count++;
            processed.put(new TopicPartition(record.topic(), record.partition()), new OffsetAndMetadata(record.offset() + 1, record.leaderEpoch(), ""));
          }
          if (!member.hasEnough() || (consumer.assignment().isEmpty() && !options.flag("idle"))) continue;
          if (options.flag("commit") && !processed.isEmpty()) consumer.commitSync(processed);
          processed.clear();
          member.settled.countDown();
        }
      }
    });
  }

  private static Member share(Options options) {
    var properties = options.client("group.id", options.text("group"));
    var member = new Member(options.longNumber("max", 0));
    return member.begin(() -> {
      try (var consumer = new KafkaShareConsumer<byte[], byte[]>(properties)) {
        consumer.subscribe(options.list("topics"));
        while (!member.leaving.get()) {
          ConsumerRecords<byte[], byte[]> records = consumer.poll(Duration.ofMillis(100));
          member.count += records.count();
          if (member.hasEnough()) member.settled.countDown();
        }
      }
    });
  }

  private static Member streams(Options options) {
    var properties = new Properties();
    properties.putAll(options.pairs("properties"));
    properties.put("bootstrap.servers", options.text("bootstrap"));
    properties.put("application.id", options.text("group"));
    properties.put("group.protocol", "streams");
    properties.put("commit.interval.ms", "50");
    properties.put("auto.offset.reset", "earliest");
    properties.put("state.dir", options.text("state-folder"));
    properties.put("default.key.serde", Serdes.ByteArraySerde.class);
    properties.put("default.value.serde", Serdes.ByteArraySerde.class);
    var member = new Member(options.longNumber("max", 0));
    var builder = new StreamsBuilder();
    builder.stream(new ArrayList<>(options.list("topics"))).foreach((key, value) -> {
      member.count++;
      if (member.hasEnough()) member.settled.countDown();
    });
    return member.begin(() -> {
      try (var application = new KafkaStreams(builder.build(), properties)) {
        application.start();
        while (!member.leaving.get()) Thread.sleep(50);
      }
    });
  }

  private static final class Member {
    final CountDownLatch settled = new CountDownLatch(1);
    final AtomicBoolean leaving = new AtomicBoolean();
    final long max;
    volatile long count = 0;
    volatile Throwable failure;
    Thread thread;

    Member(long max) {
      this.max = max;
    }

    boolean hasEnough() {
      return count >= max;
    }

    Member begin(Work work) {
      thread = new Thread(() -> {
        try {
          work.run();
        } catch (Throwable problem) {
          failure = problem;
        } finally {
          settled.countDown();
        }
      });
      thread.setDaemon(true);
      thread.start();
      return this;
    }
  }

  private interface Work {
    void run() throws Exception;
  }
}
