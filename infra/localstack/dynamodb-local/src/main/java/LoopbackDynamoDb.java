import java.lang.instrument.Instrumentation;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Arrays;
import java.util.List;
import org.eclipse.jetty.server.Server;
import software.amazon.dynamodb.services.local.server.DynamoDBProxyServer;
import software.amazon.dynamodb.services.local.server.LocalDynamoDBRequestHandler;
import software.amazon.dynamodb.services.local.server.LocalDynamoDBServerHandler;

/** DynamoDB Local on 127.0.0.1 only; its own main binds every interface and has no option for it. */
public final class LoopbackDynamoDb {
    private LoopbackDynamoDb() {}

    /** LocalStack starts the jar with a second one as agent; this one doubles as it, and has nothing to do. */
    public static void premain(String options, Instrumentation instrumentation) {}

    /** Takes -port N, -dbPath FOLDER (in memory without it) and -sharedDb; ignores whatever else LocalStack passes. */
    public static void main(String[] arguments) throws Exception {
        List<String> given = Arrays.asList(arguments);
        if (!given.contains("-port")) {
            throw new IllegalArgumentException("-port is missing");
        }
        int port = Integer.parseInt(given.get(given.indexOf("-port") + 1));
        int path = given.indexOf("-dbPath");
        boolean inMemory = path < 0;
        String folder = inMemory ? null : given.get(path + 1);
        var requests = new LocalDynamoDBRequestHandler(0, inMemory, folder, given.contains("-sharedDb"), false);
        var handler = new LocalDynamoDBServerHandler(requests, null);
        var server = new Server(new InetSocketAddress(InetAddress.getByName("127.0.0.1"), port));
        server.setHandler(new DynamoDBProxyServer(port, handler).setUpHandler(handler));
        server.start();
        server.join();
    }
}
