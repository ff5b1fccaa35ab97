// What the engine costs by itself, without a stream: transactions against a server that is a string.
#include "postrider/session.hpp"

#include <array>
#include <benchmark/benchmark.h>
#include <string>

namespace {

using namespace postrider;

std::string text_of(std::size_t size, std::size_t columns) {
    std::string text;
    text.reserve(size + columns + 2);
    while (text.size() < size) {
        text.append(columns, 'x').append("\r\n");
    }
    return text;
}

// --- transactions ---

constexpr std::string_view greeting = "220 mail.example ESMTP\r\n";
constexpr std::string_view keywords =
    "250-mail.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SIZE 52428800\r\n";

// A session that is ready, and what its server says next.
struct bench_session {
    explicit bench_session(bool chunking)
        : config{.tls = tls_policy::none, .use_chunking = chunking}, engine(config, space) {
        engine.received(greeting);
        write_all();
        engine.received(keywords);
        engine.received(chunking ? "250 CHUNKING\r\n" : "250 DSN\r\n");
        write_all();
    }

    // Takes and hands over what is due, as a driver that gathers it would.
    void write_all() {
        while (engine.next(0) == want::write) {
            const std::string_view octets = engine.output();
            octets_out += octets.size();
            engine.written(octets.size());
        }
    }

    session_config config;
    std::array<char, 512> space{};
    session engine;
    std::size_t octets_out = 0;
};

void one_message(benchmark::State& state) {
    const bool chunking = state.range(0) != 0;
    const std::string text = text_of(1000, 72);
    bench_session s(chunking);
    recipient to(*forward_path::parse("bob@example.net"));
    transaction t;
    t.from = *reverse_path::parse("alice@example.org");
    t.recipients = {&to, 1};
    t.content = text;
    for (auto _ : state) {
        s.engine.submit(t);
        s.write_all();
        s.engine.received(chunking ? "250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n"
                                   : "250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 Go\r\n");
        s.write_all();
        s.engine.received("250 2.0.0 Ok: queued as 4jYTsr3YcHz1cY3W\r\n");
        s.write_all();
        if (!t.completed() || to.result.status != disposition::delivered) {
            state.SkipWithError("not delivered");
            break;
        }
    }
    state.SetItemsProcessed(state.iterations());
}

BENCHMARK(one_message)->ArgName("chunking")->Arg(0)->Arg(1);

} // namespace

BENCHMARK_MAIN();
