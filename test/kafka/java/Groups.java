import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.common.GroupType;
import org.apache.kafka.common.TopicPartition;

/** Groups and their commits as the broker's Admin API shows and changes them. */
final class Groups {
  /** Producers whose transactions hang as long as this JVM lives, and then until they time out. */
  private static final List<KafkaProducer<byte[], byte[]>> LEFT_OPEN = new CopyOnWriteArrayList<>();

  private Groups() {}

  static void list(Options options) throws Exception {
    try (var admin = Admin.create(options.client())) {
      for (var group : admin.listGroups().all().get()) {
        Json.print(Json.object(
            "group", group.groupId(), "type", group.type().map(Object::toString).orElse(null), "protocol", group.protocol(),
            "state", group.groupState().map(Object::toString).orElse(null)));
      }
    }
  }

  /** What --group has committed, or without one every group that is not a share group. */
  static void offsets(Options options) throws Exception {
    try (var admin = Admin.create(options.client())) {
      var groups = new ArrayList<String>();
      if (options.values().containsKey("group")) groups.add(options.text("group"));
      else for (var listed : admin.listGroups().all().get()) if (listed.type().orElse(null) != GroupType.SHARE) groups.add(listed.groupId());
      for (var group : groups) {
        var committed = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata();
        var sorted = new TreeMap<String, Map.Entry<TopicPartition, OffsetAndMetadata>>();
        for (var entry : committed.get().entrySet()) sorted.put(entry.getKey().toString(), entry);
        for (var entry : sorted.values()) {
          if (entry.getValue() == null) continue;
          Json.print(Json.object(
              "group", group, "topic", entry.getKey().topic(), "partition", entry.getKey().partition(),
              "committedOffset", entry.getValue().offset(), "leaderEpoch", entry.getValue().leaderEpoch().orElse(-1),
              "metadata", entry.getValue().metadata()));
        }
      }
    }
  }

  static void alterOffsets(Options options) throws Exception {
    try (var admin = Admin.create(options.client())) {
      var partition = new TopicPartition(options.text("topic"), options.number("partition", 0));
      admin.alterConsumerGroupOffsets(options.text("group"), Map.of(partition, offset(options))).all().get();
    }
  }

  /** Commits as a transactional producer does, and ends the transaction as --transaction says: commit, abort, or (hang) not at all. */
  static void commitInTransaction(Options options) throws Exception {
    var producer = new KafkaProducer<byte[], byte[]>(options.client("transactional.id", options.text("transactional-id")));
    producer.initTransactions();
    producer.beginTransaction();
    var partition = new TopicPartition(options.text("topic"), options.number("partition", 0));
    producer.sendOffsetsToTransaction(Map.of(partition, offset(options)), new ConsumerGroupMetadata(options.text("group")));
    switch (options.text("transaction")) {
      case "commit" -> producer.commitTransaction();
      case "abort" -> producer.abortTransaction();
      // Closing it would abort.
      default -> LEFT_OPEN.add(producer);
    }
    if (!LEFT_OPEN.contains(producer)) producer.close();
  }

  private static OffsetAndMetadata offset(Options options) {
    int epoch = options.number("leader-epoch", -1);
    return new OffsetAndMetadata(
        options.longNumber("offset", 0), epoch < 0 ? Optional.empty() : Optional.of(epoch), options.text("metadata", ""));
  }
}
