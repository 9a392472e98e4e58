import java.util.List;

/**
 * What the tests ask of Kafka's own Java clients, one sub-command each. Arguments are `--name value`; every line printed
 * on standard output is one JSON value, so that a test can read it. test/support/kafka-clients.ts is the other side.
 * `serve` keeps one JVM for many calls: a JVM of its own costs each call a second.
 */
public class Clients {
  public static void main(String[] arguments) throws Exception {
    if (arguments[0].equals("serve")) Server.run();
    else call(arguments);
    System.out.flush();
    // Client threads that still wind down must not hold up a test.
    System.exit(0);
  }

  static void call(String[] arguments) throws Exception {
    var options = Options.parse(List.of(arguments).subList(1, arguments.length));
    switch (arguments[0]) {
      case "produce" -> Produce.run(options);
      case "consume" -> Consume.run(options);
      case "topics" -> Topics.describe(options);
      case "ends" -> Topics.ends(options);
      case "create-topic" -> Topics.create(options);
      case "delete-topic" -> Topics.delete(options);
      case "grow-topic" -> Topics.grow(options);
      case "alter-topic" -> Topics.alter(options);
      case "delete-records" -> Topics.deleteRecords(options);
      case "join" -> Members.join(options);
      case "leave" -> Members.leave(options);
      case "groups" -> Groups.list(options);
      case "offsets" -> Groups.offsets(options);
      case "commit-in-transaction" -> Groups.commitInTransaction(options);
      case "alter-offsets" -> Groups.alterOffsets(options);
      default -> throw new IllegalArgumentException("No sub-command " + arguments[0]);
    }
  }
}
