import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.concurrent.Executors;

/**
 * `serve`: reads calls from standard input, one JSON array of strings per line: an id, then a sub-command and its arguments.
 * Answers each with one line, `{"id", "lines"}` or `{"id", "error"}`; calls run side by side. Ends with its input.
 */
final class Server {
  private Server() {}

  static void run() throws Exception {
    var threads = Executors.newCachedThreadPool();
    try (var input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
      for (var line = input.readLine(); line != null; line = input.readLine()) {
        var call = Json.strings(line);
        threads.execute(() -> answer(call));
      }
    }
  }

  private static void answer(String[] call) {
    var lines = Json.collect();
    try {
      Clients.call(Arrays.copyOfRange(call, 1, call.length));
      Json.write(Json.object("id", call[0], "lines", lines));
    } catch (Throwable failure) {
      report(call[0], failure);
    }
  }

  private static void report(String id, Throwable failure) {
    var trace = new StringWriter();
    failure.printStackTrace(new PrintWriter(trace));
    try {
      Json.write(Json.object("id", id, "error", trace.toString()));
    } catch (Exception impossible) {
      throw new IllegalStateException(impossible);
    }
  }
}
