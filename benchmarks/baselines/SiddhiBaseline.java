import io.siddhi.core.SiddhiAppRuntime;
import io.siddhi.core.SiddhiManager;
import io.siddhi.core.event.Event;
import io.siddhi.core.stream.input.InputHandler;
import io.siddhi.core.stream.output.StreamCallback;
import io.siddhi.query.api.definition.Attribute;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Siddhi as a baseline that stays warm: the input is read and boxed once, then each line of stdin asks for one run.
 *
 * Arguments: APP DATA STREAM [TABLE_DATA TABLE_STREAM], "-" for none. Requests and answers, one line each:
 *   run BATCH            -> SECONDS OUTPUTS                  rows one by one (BATCH 1) or arrays of up to BATCH rows
 *   verify BATCH [QUERY] -> SECONDS OUTPUTS CHECKSUM QUERY_SECONDS
 *   latency RATE         -> OUTPUTS P50 P99 P999 MAX         microseconds after the moment an event was due
 * An app is built anew for each run, outside the time taken. Without async streams the last callback has run when
 * the last send returns.
 */
public class SiddhiBaseline {
    private static final long STEP = 0x9E3779B97F4A7C15L;
    private static final long FINISH = 0xD6E8FEB86659FD93L;

    private record Input(String stream, long timestamp, Object[] row) {
    }

    private final String app;
    private final List<Input> inputs;
    private final List<Input> loaded;   // the table's rows, sent before the clock starts

    private SiddhiManager manager;
    private SiddhiAppRuntime runtime;
    private long outputs;
    private long checksum;
    private boolean verifying;
    private long due;
    private long[] latencies;
    private int measured;

    public static void main(String[] arguments) throws Exception {
        SiddhiBaseline baseline = new SiddhiBaseline(arguments);
        System.out.println("ready " + baseline.inputs.size());
        BufferedReader requests = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line; (line = requests.readLine()) != null; ) {
            String[] words = line.split(" ", 3);
            int number = Integer.parseInt(words[1]);
            switch (words[0]) {
                case "run" -> System.out.println(baseline.run(number, false, null));
                case "verify" -> System.out.println(baseline.run(number, true, words.length > 2 ? words[2] : null));
                case "latency" -> System.out.println(baseline.latency(number));
                default -> throw new IllegalArgumentException(line);
            }
        }
        System.exit(0);
    }

    private SiddhiBaseline(String[] arguments) throws IOException {
        app = Files.readString(Path.of(arguments[0]));
        open();
        inputs = read(arguments[1], arguments[2]);
        loaded = arguments.length > 3 ? read(arguments[3], arguments[4]) : List.of();
        close();
    }

    private String run(int batch, boolean verify, String query) throws InterruptedException {
        open();
        send(loaded, 1000);
        outputs = 0;
        checksum = 0;
        verifying = verify;
        System.gc();
        long start = System.nanoTime();
        send(inputs, batch);
        double seconds = (System.nanoTime() - start) / 1e9;
        String answer = "";
        if (verify) {
            double querySeconds = 0;
            if (query != null) {
                start = System.nanoTime();
                Event[] found = runtime.query(query);
                querySeconds = (System.nanoTime() - start) / 1e9;
                take(found);
            }
            answer = " " + String.format("%016x", checksum) + " " + querySeconds;
        }
        close();
        return seconds + " " + outputs + answer;
    }

    private String latency(int rate) throws InterruptedException {
        open();
        send(loaded, 1000);
        verifying = false;
        latencies = new long[inputs.size() * 4];
        int warm = inputs.size() / 5;
        Map<String, InputHandler> handlers = handlers(inputs);
        System.gc();
        long start = System.nanoTime();
        for (int i = 0; i < inputs.size(); i++) {
            Input input = inputs.get(i);
            due = start + i * 1_000_000_000L / rate;
            while (System.nanoTime() < due) Thread.onSpinWait();
            if (i == warm) measured = 0;
            handlers.get(input.stream).send(input.timestamp, input.row);
        }
        long[] sorted = Arrays.copyOf(latencies, measured);
        latencies = null;
        close();
        Arrays.sort(sorted);
        StringBuilder answer = new StringBuilder().append(sorted.length);
        for (double share : new double[]{0.5, 0.99, 0.999, 1}) {
            int place = (int) Math.min(sorted.length - 1, sorted.length * share);
            answer.append(' ').append(sorted.length == 0 ? 0 : sorted[place] / 1e3);
        }
        return answer.toString();
    }

    private Map<String, InputHandler> handlers(List<Input> rows) {
        Map<String, InputHandler> found = new HashMap<>();
        for (Input row : rows) found.computeIfAbsent(row.stream, runtime::getInputHandler);
        return found;
    }

    /** Runs of rows of one stream, at most `batch` long. */
    private void send(List<Input> rows, int batch) throws InterruptedException {
        Map<String, InputHandler> handlers = handlers(rows);
        if (batch == 1) {
            if (handlers.size() == 1) {
                InputHandler handler = handlers.values().iterator().next();
                for (Input row : rows) handler.send(row.timestamp, row.row);
            } else {
                for (Input row : rows) handlers.get(row.stream).send(row.timestamp, row.row);
            }
            return;
        }
        for (int from = 0, to; from < rows.size(); from = to) {
            String stream = rows.get(from).stream;
            to = from + 1;
            while (to < rows.size() && to - from < batch && rows.get(to).stream.equals(stream)) to++;
            Event[] events = new Event[to - from];
            for (int i = from; i < to; i++) events[i - from] = new Event(rows.get(i).timestamp, rows.get(i).row);
            handlers.get(stream).send(events);
        }
    }

    private void open() {
        manager = new SiddhiManager();
        runtime = manager.createSiddhiAppRuntime(app);
        if (runtime.getStreamDefinitionMap().containsKey("Out")) {
            runtime.addCallback("Out", new StreamCallback() {
                @Override
                public void receive(Event[] events) {
                    take(events);
                }
            });
        }
        runtime.start();
    }

    private void close() {
        runtime.shutdown();
        manager.shutdown();
    }

    private void take(Event[] events) {
        if (events == null) return;
        outputs += events.length;
        if (latencies != null) {
            long now = System.nanoTime();
            for (int i = 0; i < events.length && measured < latencies.length; i++) latencies[measured++] = now - due;
        }
        if (verifying) for (Event event : events) checksum += mix(event.getData());
    }

    private static long mix(Object[] row) {
        long x = 0;
        for (Object value : row) {
            long quantity;
            if (value == null) {
                quantity = Long.MAX_VALUE;
            } else if (value instanceof String text) {
                quantity = Long.parseLong(text.substring(1));
            } else if (value instanceof Double || value instanceof Float) {
                quantity = (long) Math.floor(((Number) value).doubleValue() * 1024 + 0.5);
            } else {
                quantity = ((Number) value).longValue();
            }
            x = x * STEP + quantity;
        }
        x ^= x >>> 32;
        x *= FINISH;
        return x ^ (x >>> 32);
    }

    /** Rows of a CSV file; a column `stream` names the stream of its row, a column `ts` its time. */
    private List<Input> read(String file, String stream) throws IOException {
        List<Input> rows = new ArrayList<>();
        try (BufferedReader lines = Files.newBufferedReader(Path.of(file))) {
            List<String> header = Arrays.asList(lines.readLine().split(","));
            boolean timed = header.contains("ts");
            boolean named = header.contains("stream");
            int first = (timed ? 1 : 0) + (named ? 1 : 0);
            Map<String, List<Attribute>> attributes = new HashMap<>();
            for (String line; (line = lines.readLine()) != null; ) {
                String[] fields = line.split(",");
                String target = named ? fields[1].intern() : stream;
                List<Attribute> types = attributes.computeIfAbsent(target,
                        name -> runtime.getStreamDefinitionMap().get(name).getAttributeList());
                Object[] row = new Object[types.size()];
                for (int i = 0; i < row.length; i++) {
                    String field = fields[first + i];
                    row[i] = switch (types.get(i).getType()) {
                        case LONG -> (Object) Long.valueOf(field);
                        case DOUBLE -> Double.valueOf(field);
                        default -> field;
                    };
                }
                rows.add(new Input(target, timed ? Long.parseLong(fields[0]) : 0, row));
            }
        }
        return rows;
    }
}
