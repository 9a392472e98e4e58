import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;

/** `--name value` arguments. */
public record Options(Map<String, String> values) {
  static Options parse(List<String> arguments) {
    var values = new HashMap<String, String>();
    for (int i = 0; i + 1 < arguments.size(); i += 2) {
      if (!arguments.get(i).startsWith("--")) throw new IllegalArgumentException("Expected an option: " + arguments.get(i));
      values.put(arguments.get(i).substring(2), arguments.get(i + 1));
    }
    return new Options(values);
  }

  String text(String name) {
    var value = values.get(name);
    if (value == null) throw new IllegalArgumentException("Missing --" + name);
    return value;
  }

  String text(String name, String otherwise) {
    return values.getOrDefault(name, otherwise);
  }

  int number(String name, int otherwise) {
    return values.containsKey(name) ? Integer.parseInt(values.get(name)) : otherwise;
  }

  long longNumber(String name, long otherwise) {
    return values.containsKey(name) ? Long.parseLong(values.get(name)) : otherwise;
  }

  boolean flag(String name) {
    return "true".equals(values.get(name));
  }

  List<String> list(String name) {
    return List.of(text(name).split(","));
  }

  /** `a=1;b=2`: topic configs, whose values may hold commas. */
  Map<String, String> pairs(String name) {
    var pairs = new HashMap<String, String>();
    for (var pair : text(name, "").split(";")) {
      int equals = pair.indexOf('=');
      if (equals > 0) pairs.put(pair.substring(0, equals), pair.substring(equals + 1));
    }
    return pairs;
  }

  /** Client properties: the broker, what the sub-command needs, and then what `--properties a=1;b=2` says. */
  Properties client(String... defaults) {
    var properties = new Properties();
    properties.put("bootstrap.servers", text("bootstrap"));
    for (var side : List.of("key", "value")) {
      properties.put(side + ".serializer", "org.apache.kafka.common.serialization.ByteArraySerializer");
      properties.put(side + ".deserializer", "org.apache.kafka.common.serialization.ByteArrayDeserializer");
    }
    for (int i = 0; i < defaults.length; i += 2) properties.put(defaults[i], defaults[i + 1]);
    properties.putAll(pairs("properties"));
    return properties;
  }
}
