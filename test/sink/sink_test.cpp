// The parts of the sink that are worth all inputs, and the server as other tests use it: in-process.
#include "sink/content.hpp"
#include "sink/show.hpp"
#include "sink/sink.hpp"
#include "sink/syntax.hpp"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <mutex>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace postrider::sink {
namespace {

struct unstuffed {
    std::string content;
    std::size_t used = 0;
    bool done = false;
    bool operator==(const unstuffed&) const = default;
};

// RFC 5321 4.5.2 said another way: lines are split at CRLF only, "." alone ends, a leading dot goes.
unstuffed by_lines(std::string_view in) {
    unstuffed out;
    while (out.used < in.size()) {
        const auto rest = in.substr(out.used);
        const auto end = rest.find("\r\n");
        const auto line = rest.substr(0, end);
        if (end != std::string_view::npos && line == ".")
            return {out.content, out.used + 3, true};
        // Not ended by CRLF: "." and ".\r" may yet become the terminator, so they are no content so far.
        if (end == std::string_view::npos && (line == "." || line == ".\r"))
            return {out.content, in.size(), false};
        out.content += line.substr(!line.empty() && line[0] == '.' ? 1 : 0);
        out.content += end == std::string_view::npos ? "" : "\r\n";
        out.used += end == std::string_view::npos ? line.size() : end + 2;
    }
    return out;
}

// Bit i of `cuts` cuts behind octet i.
unstuffed by_reader(std::string_view in, unsigned cuts) {
    unstuffed out;
    dot_reader reader;
    std::size_t from = 0;
    for (std::size_t i = 0; i < in.size() && !reader.done(); ++i) {
        if (i + 1 != in.size() && (cuts >> i & 1U) == 0)
            continue;
        out.used += reader.feed(in.substr(from, i + 1 - from),
                                [&out](std::string_view slice) { out.content += slice; });
        from = i + 1;
    }
    out.done = reader.done();
    return out;
}

TEST(DotReader, AgreesWithALineSplitterForEveryStringAndEveryCut) {
    constexpr std::string_view alphabet = "\r\n.a";
    constexpr std::size_t longest = 7;
    for (std::size_t length = 1; length <= longest; ++length) {
        for (unsigned word = 0; word < 1U << (2 * length); ++word) {
            std::string in;
            for (std::size_t i = 0; i < length; ++i)
                in += alphabet[word >> (2 * i) & 3U];
            const auto expected = by_lines(in);
            for (unsigned cuts = 0; cuts < 1U << (length - 1); ++cuts)
                ASSERT_EQ(by_reader(in, cuts), expected) << testing::PrintToString(in) << " cut " << cuts;
        }
    }
}

TEST(ContentFacts, SameForEveryCut) {
    const std::string content = "ab\r\n\rx\ny\r\n\xc3\xa9 long line\r\nend";
    for (std::size_t cut = 0; cut <= content.size(); ++cut) {
        content_facts facts;
        facts.add(std::string_view(content).substr(0, cut));
        facts.add(std::string_view(content).substr(cut));
        EXPECT_EQ(facts.size(), content.size());
        EXPECT_EQ(facts.longest_line(), std::string_view("\xc3\xa9 long line").size()) << cut;
        EXPECT_TRUE(facts.eight_bit() && facts.bare_cr() && facts.bare_lf() && !facts.nul() &&
                    !facts.ends_with_crlf());
    }
    content_facts clean;
    clean.add("ab\r");
    clean.add("\ncd\r\n");
    EXPECT_FALSE(clean.bare_cr() || clean.bare_lf() || clean.eight_bit());
    EXPECT_TRUE(clean.ends_with_crlf());
}

TEST(Glob, WildcardsAndCase) {
    EXPECT_TRUE(glob_match("*", ""));
    EXPECT_TRUE(glob_match("a*b*c", "AxxbyyC"));
    EXPECT_TRUE(glob_match("*@x.example", "a@b@X.example"));
    EXPECT_TRUE(glob_match("?@[127.0.0.1]", "a@[127.0.0.1]"));
    EXPECT_FALSE(glob_match("a*b", "ab c"));
    EXPECT_FALSE(glob_match("?", ""));
    EXPECT_FALSE(glob_match("", "a"));
}

TEST(Printable, EveryOctetAndEveryHiddenCharacterIsEscaped) {
    for (int octet = 0; octet < 256; ++octet) {
        const std::string one(1, static_cast<char>(octet));
        EXPECT_EQ(printable(one) == one, octet >= 0x20 && octet < 0x7F) << octet;
    }
    for (const char* hidden :
         {"\xc2\x9b", "\xe2\x80\xae", "\xe2\x81\xa6", "\xd8\x9c", "\xef\xbb\xbf", "\xf3\xa0\x81\x81"})
        EXPECT_EQ(printable(hidden).substr(0, 3), "\\u{");
    EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80"); // a surrogate
    EXPECT_EQ(printable("\xc0\xaf"), "\\xc0\\xaf");          // overlong
    EXPECT_EQ(printable("\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80"), "\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80");
}

int connect_to(std::uint16_t port) {
    const int line = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(port);
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(line, reinterpret_cast<const sockaddr*>(&where), sizeof where), 0);
    timeval limit{20, 0};
    setsockopt(line, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return line;
}

std::string read_to_end(int line) {
    std::string out;
    char buffer[4096];
    for (ssize_t count = 0; (count = recv(line, buffer, sizeof buffer, 0)) > 0;)
        out.append(buffer, static_cast<std::size_t>(count));
    return out;
}

void say(int line, std::string_view text) {
    ASSERT_EQ(send(line, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
}

constexpr std::string_view one_mail =
    "EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nhello\r\n.\r\nQUIT\r\n";

TEST(Server, InProcess) {
    config settings;
    settings.keep_content = true;
    std::mutex mutex;
    std::vector<received> mails;
    settings.on_message = [&](const received& mail) {
        const std::lock_guard lock(mutex);
        mails.push_back(mail);
    };
    server srv(std::move(settings));
    srv.run_in_thread();
    EXPECT_FALSE(srv.wait_for(1, std::chrono::milliseconds(1)));
    const int line = connect_to(srv.port());
    say(line, one_mail);
    const auto said = read_to_end(line);
    close(line);
    EXPECT_TRUE(said.ends_with("\r\n250 2.0.0 Ok, message 1\r\n221 2.0.0 Bye\r\n")) << said;
    ASSERT_TRUE(srv.wait_for(1, std::chrono::seconds(20)));
    srv.stop();
    srv.stop();
    ASSERT_EQ(mails.size(), 1U);
    EXPECT_EQ(mails[0].content, "hello\r\n");
    EXPECT_EQ(mails[0].envelope.reverse_path, "a@b");
    EXPECT_EQ(mails[0].protocol, "ESMTP");
    EXPECT_EQ(srv.counted().octets, 7U);
}

TEST(Server, StopsAtOnceWhateverItsClientsDo) {
    config settings;
    settings.faults[static_cast<std::size_t>(stage::rcpt)] = {fault::kind::stall, 0, {}};
    server srv(std::move(settings));
    srv.run_in_thread();
    const int idle = connect_to(srv.port());
    const int stalled = connect_to(srv.port());
    const int busy = connect_to(srv.port());
    say(stalled, one_mail);
    say(busy, "EHLO c\r\nMAIL FROM:<a@b>\r\n");
    char first = 0;
    for (const int line : {idle, stalled, busy})
        ASSERT_EQ(recv(line, &first, 1, 0), 1);
    const auto start = std::chrono::steady_clock::now();
    srv.stop();
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
    EXPECT_NE(read_to_end(idle).find("\r\n421 4.3.2 "), std::string::npos);
    for (const int line : {idle, stalled, busy})
        close(line);
}

TEST(Server, RefusesMoreConnectionsThanAllowed) {
    config settings;
    settings.max_connections = 1;
    server srv(std::move(settings));
    srv.run_in_thread();
    const int first = connect_to(srv.port());
    char greeting = 0;
    ASSERT_EQ(recv(first, &greeting, 1, 0), 1);
    const int second = connect_to(srv.port());
    EXPECT_EQ(read_to_end(second), "421 4.7.0 Too many connections\r\n");
    close(first);
    close(second);
}

TEST(Server, NeverRunAndStoppedFromItsOwnCallback) {
    { const server never_run{config()}; }
    config settings;
    server* self = nullptr;
    settings.on_message = [&self](const received&) { self->stop(); };
    server srv(std::move(settings));
    self = &srv;
    srv.run_in_thread();
    const int line = connect_to(srv.port());
    say(line, one_mail);
    EXPECT_NE(read_to_end(line).find("250 2.0.0 Ok, message 1\r\n"), std::string::npos);
    close(line);
}

} // namespace
} // namespace postrider::sink
