import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;

/** Groups and their commits as the broker's Admin API shows and changes them. */
final class Groups {
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

  static void offsets(Options options) throws Exception {
    try (var admin = Admin.create(options.client())) {
      var committed = admin.listConsumerGroupOffsets(options.text("group")).partitionsToOffsetAndMetadata().get();
      var sorted = new TreeMap<String, Map.Entry<TopicPartition, OffsetAndMetadata>>();
      for (var entry : committed.entrySet()) sorted.put(entry.getKey().toString(), entry);
      for (var entry : sorted.values()) {
        if (entry.getValue() == null) continue;
        Json.print(Json.object(
            "topic", entry.getKey().topic(), "partition", entry.getKey().partition(), "committedOffset", entry.getValue().offset(),
            "leaderEpoch", entry.getValue().leaderEpoch().orElse(-1), "metadata", entry.getValue().metadata()));
      }
    }
  }

  static void alterOffsets(Options options) throws Exception {
    try (var admin = Admin.create(options.client())) {
      var partition = new TopicPartition(options.text("topic"), options.number("partition", 0));
      var offset = new OffsetAndMetadata(options.longNumber("offset", 0));
      admin.alterConsumerGroupOffsets(options.text("group"), Map.of(partition, offset)).all().get();
    }
  }
}
