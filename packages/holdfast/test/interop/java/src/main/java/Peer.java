import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.redisson.Redisson;
import org.redisson.api.RBucket;
import org.redisson.api.RLock;
import org.redisson.api.RedissonClient;
import org.redisson.client.codec.StringCodec;
import org.redisson.config.Config;

/** A process that locks by Redisson: see ../../../../peer.ts for what it can be asked. */
public final class Peer {
  private final RedissonClient redisson;

  private Peer(String host, String port) {
    Config config = new Config();
    config.setCodec(StringCodec.INSTANCE);
    config.setThreads(2).setNettyThreads(2);
    config
        .useSingleServer()
        .setAddress("redis://" + host + ":" + port)
        .setConnectionMinimumIdleSize(1)
        .setConnectionPoolSize(4)
        .setSubscriptionConnectionMinimumIdleSize(1)
        .setSubscriptionConnectionPoolSize(4);
    redisson = Redisson.create(config);
  }

  private Object ask(JsonNode ask) throws Exception {
    RLock lock = redisson.getLock(ask.path("name").asText("none"));
    switch (ask.get("op").asText()) {
      case "hello":
        return true;
      case "take":
        return lock.tryLock(0, ask.get("ms").asLong(), TimeUnit.MILLISECONDS);
      // Waits, as most who use it do.
      case "lock":
        lock.lock(ask.get("ms").asLong(), TimeUnit.MILLISECONDS);
        return true;
      case "release":
        lock.unlock();
        return true;
      case "locked":
        return lock.isLocked();
      case "force":
        return lock.forceUnlock();
      case "work":
        return work(lock, ask.get("times").asInt(), ask.get("tag").asText());
      default:
        throw new IllegalArgumentException(ask.get("op").asText());
    }
  }

  /**
   * Counts under the lock, in a way that only exclusion makes right. A string at the key is an error
   * for Redisson, and no holder that it would wait for: so it tries again here.
   */
  private int work(RLock lock, int times, String tag) throws Exception {
    RBucket<String> counter = redisson.getBucket("counter");
    for (int i = 0; i < times; ) {
      try {
        lock.lock(60_000, TimeUnit.MILLISECONDS);
      } catch (RuntimeException error) {
        if (!String.valueOf(error.getMessage()).contains("WRONGTYPE")) throw error;
        Thread.sleep(5);
        continue;
      }
      String before = counter.get();
      redisson.<String>getList("order").add(tag);
      Thread.sleep(1);
      counter.set(String.valueOf(before == null ? 1 : Integer.parseInt(before) + 1));
      lock.unlock();
      i++;
    }
    return times;
  }

  public static void main(String[] args) throws Exception {
    Peer peer = new Peer(args[0], args[1]);
    ObjectMapper json = new ObjectMapper();
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      JsonNode ask = json.readTree(line);
      Map<String, Object> reply = new LinkedHashMap<>();
      reply.put("id", ask.get("id").asInt());
      try {
        reply.put("result", peer.ask(ask));
      } catch (Exception error) {
        reply.put("error", error.getClass().getSimpleName() + ": " + error.getMessage());
      }
      System.out.println(json.writeValueAsString(reply));
    }
    peer.redisson.shutdown();
  }
}
