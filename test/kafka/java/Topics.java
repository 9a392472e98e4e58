import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.ListTopicsOptions;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;

/** Topics as the broker's Admin API shows and changes them. */
final class Topics {
  private Topics() {}

  /** One line per topic, internal ones too, with the configs that were set on the topic itself. */
  static void describe(Options options) throws Exception {
    try (var admin = Admin.create(options.client())) {
      var names = admin.listTopics(new ListTopicsOptions().listInternal(true)).names().get();
      var topics = new TreeMap<>(admin.describeTopics(names).allTopicNames().get());
      var resources = names.stream().map(Topics::resource).toList();
      var configs = admin.describeConfigs(resources).all().get();
      for (var topic : topics.values()) {
        var set = new TreeMap<String, String>();
        for (var entry : configs.get(resource(topic.name())).entries()) {
          if (entry.source() == ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG) set.put(entry.name(), entry.value());
        }
        Json.print(Json.object(
            "topic", topic.name(), "topicId", topic.topicId().toString(), "internal", topic.isInternal(),
            "partitions", partitions(topic), "configs", set));
      }
    }
  }

  private static List<Object> partitions(TopicDescription topic) {
    var rows = new ArrayList<Object>();
    for (var info : topic.partitions()) {
      rows.add(Json.object(
          "partition", info.partition(), "leader", info.leader() == null ? null : info.leader().id(), "isr", info.isr().size()));
    }
    return rows;
  }

  /** One line per partition of --topics: where it begins and ends, and its latest record by timestamp. */
  static void ends(Options options) throws Exception {
    try (var admin = Admin.create(options.client())) {
      var partitions = new ArrayList<TopicPartition>();
      for (var topic : admin.describeTopics(options.list("topics")).allTopicNames().get().values()) {
        for (var info : topic.partitions()) partitions.add(new TopicPartition(topic.name(), info.partition()));
      }
      var starts = offsets(admin, partitions, OffsetSpec.earliest());
      var ends = offsets(admin, partitions, OffsetSpec.latest());
      var latest = offsets(admin, partitions, OffsetSpec.maxTimestamp());
      for (var partition : partitions) {
        var end = ends.get(partition);
        Json.print(Json.object(
            "topic", partition.topic(), "partition", partition.partition(), "logStartOffset", starts.get(partition).offset(),
            "logEndOffset", end.offset(), "leaderEpoch", end.leaderEpoch().orElse(-1),
            "maxTimestampOffset", latest.get(partition).offset(), "maxTimestampMs", latest.get(partition).timestamp()));
      }
    }
  }

  private static Map<TopicPartition, ListOffsetsResultInfo> offsets(Admin admin, List<TopicPartition> partitions, OffsetSpec at) throws Exception {
    return admin.listOffsets(partitions.stream().collect(Collectors.toMap(Function.identity(), partition -> at))).all().get();
  }

  static void create(Options options) throws Exception {
    try (var admin = Admin.create(options.client())) {
      var topic = new NewTopic(options.text("topic"), Optional.of(options.number("partitions", 1)), Optional.empty());
      var result = admin.createTopics(List.of(topic.configs(options.pairs("configs"))));
      Json.print(Json.object("topic", topic.name(), "topicId", result.topicId(topic.name()).get().toString()));
    }
  }

  static void delete(Options options) throws Exception {
    try (var admin = Admin.create(options.client())) {
      admin.deleteTopics(options.list("topics")).all().get();
    }
  }

  static void grow(Options options) throws Exception {
    try (var admin = Admin.create(options.client())) {
      admin.createPartitions(Map.of(options.text("topic"), NewPartitions.increaseTo(options.number("partitions", 0)))).all().get();
    }
  }

  /** --configs `a=1;b=` sets a and removes b. */
  static void alter(Options options) throws Exception {
    try (var admin = Admin.create(options.client())) {
      var changes = new ArrayList<AlterConfigOp>();
      options.pairs("configs").forEach((name, value) -> changes.add(new AlterConfigOp(
          new ConfigEntry(name, value), value.isEmpty() ? AlterConfigOp.OpType.DELETE : AlterConfigOp.OpType.SET)));
      admin.incrementalAlterConfigs(Map.of(resource(options.text("topic")), changes)).all().get();
    }
  }

  static void deleteRecords(Options options) throws Exception {
    try (var admin = Admin.create(options.client())) {
      var partition = new TopicPartition(options.text("topic"), options.number("partition", 0));
      var until = new HashMap<TopicPartition, RecordsToDelete>();
      until.put(partition, RecordsToDelete.beforeOffset(options.longNumber("before", 0)));
      admin.deleteRecords(until).all().get();
    }
  }

  private static ConfigResource resource(String topic) {
    return new ConfigResource(ConfigResource.Type.TOPIC, topic);
  }
}
