import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** One JSON value per line on standard output. */
final class Json {
  // ASCII only: what standard output's encoding is depends on the machine's locale.
  private static final ObjectMapper MAPPER =
      JsonMapper.builder(JsonFactory.builder().enable(JsonWriteFeature.ESCAPE_NON_ASCII).build()).build();

  /** What this thread prints goes here instead of to standard output. */
  private static final ThreadLocal<List<Object>> COLLECTED = new ThreadLocal<>();

  private Json() {}

  static List<Object> collect() {
    COLLECTED.set(new ArrayList<>());
    return COLLECTED.get();
  }

  static String[] strings(String line) throws JsonProcessingException {
    return MAPPER.readValue(line, String[].class);
  }

  static Map<String, Object> object(Object... namesAndValues) {
    var object = new LinkedHashMap<String, Object>();
    for (int i = 0; i < namesAndValues.length; i += 2) object.put((String) namesAndValues[i], namesAndValues[i + 1]);
    return object;
  }

  static void print(Object value) throws JsonProcessingException {
    var collected = COLLECTED.get();
    if (collected == null) write(value);
    else collected.add(value);
  }

  static void write(Object value) throws JsonProcessingException {
    var line = MAPPER.writeValueAsString(value);
    synchronized (MAPPER) {
      System.out.println(line);
    }
  }

  /** Text where the bytes are UTF-8, otherwise `{"base64": …}`. */
  static Object bytes(byte[] bytes) {
    if (bytes == null) return null;
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException notText) {
      return object("base64", Base64.getEncoder().encodeToString(bytes));
    }
  }
}
