// What composing and sending content costs beside copying it: base64 in lines against OpenSSL's encoder, and
// content made canonical against a copy and against a loop that looks at every octet.
#include "base64_lines.hpp"
#include "postrider/content_encoder.hpp"

#include <openssl/evp.h>

#include <benchmark/benchmark.h>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

namespace {

using namespace postrider;

constexpr std::size_t block = 8U << 20U;
constexpr std::size_t chunk = 64U << 10U; // as files are read

void count_octets(benchmark::State& state, std::size_t octets) {
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(octets));
}

// --- base64 ---

std::string octets_of(std::size_t size) {
    std::string octets(size, '\0');
    std::uint32_t value = 1;
    for (char& c : octets) {
        value = value * 1664525U + 1013904223U;
        c = static_cast<char>(value >> 24U);
    }
    return octets;
}

void base64_of_ours(benchmark::State& state) {
    const std::string octets = octets_of(block);
    for (auto _ : state) {
        base64_lines encoder;
        for (std::size_t i = 0; i < octets.size(); i += chunk) {
            benchmark::DoNotOptimize(encoder.feed(std::string_view(octets).substr(i, chunk)).data());
        }
    }
    count_octets(state, block);
}

void base64_of_openssl(benchmark::State& state) {
    const std::string octets = octets_of(block);
    std::vector<unsigned char> out(2 * chunk);
    const std::unique_ptr<EVP_ENCODE_CTX, void (*)(EVP_ENCODE_CTX*)> context(EVP_ENCODE_CTX_new(),
                                                                             EVP_ENCODE_CTX_free);
    for (auto _ : state) {
        EVP_EncodeInit(context.get());
        for (std::size_t i = 0; i < octets.size(); i += chunk) {
            int size = 0;
            EVP_EncodeUpdate(context.get(), out.data(), &size,
                             reinterpret_cast<const unsigned char*>(octets.data()) + i,
                             static_cast<int>(chunk));
            benchmark::DoNotOptimize(out.data());
        }
    }
    count_octets(state, block);
}

BENCHMARK(base64_of_openssl);
BENCHMARK(base64_of_ours);

// --- line ends and dots ---

std::string text_of(std::size_t columns, std::string_view line_end) {
    std::string text;
    text.reserve(block + columns + 2);
    while (text.size() < block) {
        text.append(columns, 'x').append(line_end);
    }
    return text;
}

std::string text_for(const benchmark::State& state) {
    return text_of(static_cast<std::size_t>(state.range(0)), state.range(1) != 0 ? "\r\n" : "\n");
}

void copy_only(benchmark::State& state) {
    const std::string text = text_for(state);
    std::vector<char> to(text.size());
    for (auto _ : state) {
        std::memcpy(to.data(), text.data(), text.size());
        benchmark::DoNotOptimize(to.data());
        benchmark::ClobberMemory();
    }
    count_octets(state, text.size());
}

// What a client does that looks at each octet and copies it.
void octet_loop(benchmark::State& state) {
    const std::string text = text_for(state);
    std::vector<char> to(2 * text.size());
    for (auto _ : state) {
        char* out = to.data();
        char before = '\n';
        for (const char c : text) {
            if (before == '\n' && c == '.') {
                *out++ = '.';
            }
            if (c == '\n' && before != '\r') {
                *out++ = '\r';
            }
            *out++ = c;
            before = c;
        }
        benchmark::DoNotOptimize(out);
    }
    count_octets(state, text.size());
}

void content_slices(benchmark::State& state) {
    const std::string text = text_for(state);
    for (auto _ : state) {
        content_encoder encoder;
        encoder.lend(text, true);
        std::size_t size = 0;
        for (std::string_view slice = encoder.next(); !slice.empty(); slice = encoder.next()) {
            size += slice.size();
        }
        benchmark::DoNotOptimize(size);
    }
    count_octets(state, text.size());
}

void columns_and_line_ends(benchmark::internal::Benchmark* b) {
    b->ArgNames({"columns", "crlf"})->Args({72, 1})->Args({10, 1})->Args({72, 0})->Args({10, 0});
}

BENCHMARK(copy_only)->Apply(columns_and_line_ends);
BENCHMARK(octet_loop)->Apply(columns_and_line_ends);
BENCHMARK(content_slices)->Apply(columns_and_line_ends);

} // namespace

BENCHMARK_MAIN();
