// instructions_probe - the engine's hot paths by themselves, for counting their instructions:
//
//     instructions_probe PATH TIMES
//
// does PATH that many times. Two runs with different TIMES, under callgrind, tell what one time costs without
// what starting the program costs (bench/instructions).
#include "postrider/content_encoder.hpp"
#include "postrider/reply.hpp"
#include "postrider/session.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace postrider;

std::string text_of(std::size_t size, std::size_t columns, std::string_view line_end) {
    std::string text;
    while (text.size() < size) {
        text.append(columns, 'x').append(line_end);
    }
    return text;
}

// A session that is ready, with a server that is a string.
class ready_session {
  public:
    ready_session(bool chunking, std::uint16_t window)
        : config_{.tls = tls_policy::none, .use_chunking = chunking, .window = window},
          engine_(config_, space_) {
        engine_.received("220 mail.example ESMTP\r\n");
        write_all();
        engine_.received("250-mail.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SIZE 52428800\r\n");
        engine_.received(chunking ? "250 CHUNKING\r\n" : "250 DSN\r\n");
        write_all();
    }

    // What a driver does that gathers the slices.
    void write_all() {
        while (engine_.next(0) == want::write) {
            engine_.written(engine_.output().size());
        }
    }
    void hear(std::string_view replies) {
        engine_.received(replies);
        write_all();
    }
    session& engine() noexcept { return engine_; }

  private:
    static session_config config_of(bool chunking, std::uint16_t window) {
        session_config config;
        config.tls = tls_policy::none;
        config.use_chunking = chunking;
        config.window = window;
        return config;
    }

    session_config config_;
    std::array<char, 512> space_{};
    session engine_;
};

constexpr std::string_view accepted = "250 2.0.0 Ok: queued as 4jYTsr3YcHz1cY3W\r\n";

// A message with one recipient; a transaction is lent to the engine and must not move.
struct message {
    explicit message(std::string_view content) : to(*forward_path::parse("bob@example.net")) {
        transaction.from = *reverse_path::parse("alice@example.org");
        transaction.recipients = {&to, 1};
        transaction.content = content;
    }
    void expect_delivered() const {
        if (!transaction.completed() || to.result.status != disposition::delivered) {
            throw std::runtime_error("a message was not delivered");
        }
    }

    recipient to;
    postrider::transaction transaction;
};

void one_by_one(bool chunking, unsigned times) {
    const std::string text = text_of(1000, 72, "\r\n");
    ready_session s(chunking, 1);
    message m(text);
    for (unsigned i = 0; i < times; ++i) {
        s.engine().submit(m.transaction);
        s.write_all();
        s.hear("250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n");
        if (!chunking) {
            s.hear("354 End data with <CR><LF>.<CR><LF>\r\n");
        }
        s.hear(accepted);
        m.expect_delivered();
    }
}

// As many messages as the window takes, then all their replies; `times` of such rounds.
void windows(unsigned times) {
    constexpr std::uint16_t width = 64;
    const std::string text = text_of(1000, 72, "\r\n");
    ready_session s(true, width);
    std::vector<std::unique_ptr<message>> messages;
    for (std::uint16_t i = 0; i < width; ++i) {
        messages.push_back(std::make_unique<message>(text));
    }
    for (unsigned round = 0; round < times; ++round) {
        for (const auto& m : messages) {
            s.engine().submit(m->transaction);
        }
        s.write_all();
        for (const auto& m : messages) {
            // RSET stands between the transactions of a window.
            s.hear(m == messages.front() ? "250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n"
                                         : "250 2.0.0 Ok\r\n250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n");
            s.hear(accepted);
        }
        for (const auto& m : messages) {
            m->expect_delivered();
        }
    }
}

void scan(unsigned times, std::size_t columns, std::string_view line_end) {
    const std::string text = text_of(std::size_t{64} * 1024, columns, line_end);
    std::size_t size = 0;
    for (unsigned i = 0; i < times; ++i) {
        content_encoder encoder;
        encoder.lend(text, true);
        for (std::string_view slice = encoder.next(); !slice.empty(); slice = encoder.next()) {
            size += slice.size();
        }
    }
    if (size < text.size() * times) {
        throw std::runtime_error("octets were lost");
    }
}

void read_replies(unsigned times) {
    std::array<char, 512> space{};
    reply_reader reader(space);
    unsigned complete = 0;
    for (unsigned i = 0; i < times; ++i) {
        std::string_view octets =
            "250-mail.example\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n250-8BITMIME\r\n"
            "250 CHUNKING\r\n250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n";
        while (!octets.empty()) {
            complete += reader.feed(octets) == reply_reader::event::complete ? 1 : 0;
        }
    }
    if (complete != 3 * times) {
        throw std::runtime_error("a reply was not read");
    }
}

void run(std::string_view path, unsigned times) {
    if (path == "message-data") {
        one_by_one(false, times);
    } else if (path == "message-bdat") {
        one_by_one(true, times);
    } else if (path == "window-64-bdat") {
        windows(times);
    } else if (path == "scan-72-columns-crlf") {
        scan(times, 72, "\r\n");
    } else if (path == "scan-10-columns-crlf") {
        scan(times, 10, "\r\n");
    } else if (path == "scan-72-columns-lf") {
        scan(times, 72, "\n");
    } else if (path == "replies") {
        read_replies(times);
    } else {
        throw std::runtime_error("no such path");
    }
}

} // namespace

int main(int argc, char** argv) {
    try {
        if (argc != 3) {
            throw std::runtime_error("usage: PATH TIMES");
        }
        run(argv[1], static_cast<unsigned>(std::strtoul(argv[2], nullptr, 10)));
    } catch (const std::exception& e) {
        std::fprintf(stderr, "instructions_probe: %s\n", e.what());
        return 1;
    }
}
