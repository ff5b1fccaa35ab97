// The lockstep dialogue against a scripted server: what it writes, what it makes of the replies, and that
// nothing the server says or leaves unsaid makes it claim more than it knows.
#include "line_ends.hpp"
#include "postrider/content_encoder.hpp"
#include "postrider/lockstep.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace postrider {
namespace {

constexpr std::size_t whole = 0;

// Answers each command line with the next of its replies, cut into pieces; then the line is lost.
class scripted_line final : public lockstep_line {
  public:
    explicit scripted_line(std::vector<std::string> replies, std::size_t piece = whole)
        : replies_(std::move(replies)), piece_(piece) {}

    void write(const char* octets, std::size_t size) noexcept override { sent_.append(octets, size); }

    std::string_view read(stage at, bool first) noexcept override {
        asked_.push_back(at);
        firsts_ += first ? 1 : 0;
        if (first && unread_.empty() && next_ < replies_.size()) {
            unread_ = replies_[next_++];
        }
        const std::size_t size = piece_ == whole ? unread_.size() : std::min(piece_, unread_.size());
        lent_ = unread_.substr(0, size);
        unread_.erase(0, size);
        return lent_;
    }

    bool has_input() noexcept override { return !unread_.empty() || next_ == early_; }

    std::string_view content(unsigned index) noexcept override {
        return index < content_.size() ? content_[index] : std::string_view{};
    }

    void give(std::vector<std::string_view> content) { content_ = std::move(content); }
    /// Lets the reply with that index come before its command.
    void early(std::size_t index) { early_ = index; }
    const std::string& sent() const { return sent_; }
    stage last_asked() const { return asked_.back(); }
    unsigned replies_awaited() const { return firsts_; }

  private:
    std::vector<std::string> replies_;
    std::size_t piece_;
    std::vector<std::string_view> content_ = {"Subject: hi\r\n\r\n", "text\r\n"};
    std::size_t next_ = 0;
    std::size_t early_ = ~std::size_t{0};
    std::string sent_;
    std::string unread_;
    std::string lent_;
    std::vector<stage> asked_;
    unsigned firsts_ = 0;
};

struct ending {
    errc error;
    stage at;
    unsigned code;
    std::string sent;
};

lockstep_mail plain_mail() {
    lockstep_mail m;
    m.client_name = "device.example";
    m.from = "a@example.org";
    m.to = "b@example.net";
    m.user = "alice";
    m.password = "secret";
    return m;
}

lockstep_mail open_mail() {
    lockstep_mail m = plain_mail();
    m.user = "";
    m.optional_auth = true;
    return m;
}

ending run(const lockstep_mail& mail, scripted_line& line) {
    std::array<char, 128> space;
    lockstep dialogue(line, space);
    const errc e = dialogue.send(mail);
    return {e, dialogue.at(), dialogue.code(), line.sent()};
}

ending run(const lockstep_mail& mail, std::vector<std::string> replies, std::size_t piece = whole) {
    scripted_line line(std::move(replies), piece);
    return run(mail, line);
}

const std::vector<std::string> open_server = {"220 hi\r\n",    "250 mx\r\n",   "250 ok\r\n", "250 ok\r\n",
                                              "354 go on\r\n", "250 mine\r\n", "221 bye\r\n"};
const std::string open_dialogue = "EHLO device.example\r\n"
                                  "MAIL FROM:<a@example.org>\r\n"
                                  "RCPT TO:<b@example.net>\r\n"
                                  "DATA\r\n"
                                  "Subject: hi\r\n\r\ntext\r\n"
                                  ".\r\n"
                                  "QUIT\r\n";

TEST(lockstep, writes_the_dialogue_of_rfc_5321) {
    const ending end = run(open_mail(), open_server);
    EXPECT_EQ(end.error, errc::ok);
    EXPECT_EQ(end.at, stage::content);
    EXPECT_EQ(end.code, 250U);
    EXPECT_EQ(end.sent, open_dialogue);
}

TEST(lockstep, takes_replies_however_they_are_cut) {
    std::vector<std::string> server = open_server;
    server[0] = "220-mail.example\r\n220-says\r\n220 hello\r\n";
    server[1] = "250-mx\r\n250-SIZE 1000\r\n250 HELP\r\n";
    server[5] = "250-mine\r\n250 now\r\n";
    for (std::size_t piece = 1; piece < 40; ++piece) {
        const ending end = run(open_mail(), server, piece);
        EXPECT_EQ(end.error, errc::ok) << piece;
        EXPECT_EQ(end.sent, open_dialogue) << piece;
    }
}

TEST(lockstep, waits_for_each_reply_once_and_by_its_own_time) {
    scripted_line line(open_server, 1);
    run(open_mail(), line);
    EXPECT_EQ(line.replies_awaited(), open_server.size()); // further pieces do not start the clock again
    EXPECT_EQ(line.last_asked(), stage::quit);
}

struct refusal {
    std::size_t index; // of the reply
    stage at;
};
constexpr refusal refusals[] = {{0, stage::greeting}, {1, stage::ehlo}, {2, stage::mail},
                                {3, stage::rcpt},     {4, stage::data}, {5, stage::content}};

TEST(lockstep, takes_leave_after_a_refusal_wherever_it_comes) {
    for (const refusal& r : refusals) {
        for (const char* reply : {"550 no\r\n", "451 later\r\n", "554\r\n"}) {
            std::vector<std::string> server = open_server;
            server[r.index] = reply;
            const ending end = run(open_mail(), server);
            EXPECT_EQ(end.error, errc::command_refused) << r.index;
            EXPECT_EQ(end.at, r.at);
            EXPECT_EQ(end.code, static_cast<unsigned>(std::stoi(reply)));
            EXPECT_TRUE(end.sent.ends_with("QUIT\r\n")) << end.sent;
            const std::size_t lines_before = r.index; // one command per reply before it
            std::size_t lines = 0;
            for (std::size_t i = 0;
                 r.at != stage::content && (i = end.sent.find("\r\n", i)) != std::string::npos; i += 2) {
                ++lines;
            }
            EXPECT_TRUE(r.at == stage::content || lines == lines_before + 1) << end.sent;
        }
    }
}

TEST(lockstep, leaves_without_a_word_when_the_service_closes) {
    for (const refusal& r : refusals) {
        std::vector<std::string> server = open_server;
        server[r.index] = "421 closing\r\n";
        const ending end = run(open_mail(), server);
        EXPECT_EQ(end.error, errc::service_closing) << r.index;
        EXPECT_EQ(end.at, r.at);
        EXPECT_EQ(end.code, 421U);
        EXPECT_EQ(end.sent.find("QUIT"), std::string::npos);
    }
}

TEST(lockstep, says_where_the_line_was_lost) {
    for (const refusal& r : refusals) {
        std::vector<std::string> server(open_server.begin(),
                                        open_server.begin() + static_cast<std::ptrdiff_t>(r.index));
        const ending lost = run(open_mail(), server);
        EXPECT_EQ(lost.error, errc::connection_lost) << r.index;
        EXPECT_EQ(lost.at, r.at);
        EXPECT_EQ(lost.code, 0U);
        server.emplace_back("25");
        const ending cut = run(open_mail(), server); // in the middle of the reply
        EXPECT_EQ(cut.error, errc::connection_lost);
        EXPECT_EQ(cut.code, 0U);
    }
}

TEST(lockstep, is_not_shaken_by_what_becomes_of_quit) {
    for (const char* reply : {"", "421 x\r\n", "500 what\r\n", "garbage", "221 bye\r\n250 more\r\n"}) {
        std::vector<std::string> server = open_server;
        server[6] = reply;
        EXPECT_EQ(run(open_mail(), server).error, errc::ok) << reply;
    }
}

TEST(lockstep, takes_no_reply_that_nobody_asked_for) {
    for (const refusal& r : refusals) {
        std::vector<std::string> server = open_server;
        server[r.index] += "250 and more\r\n";
        const ending end = run(open_mail(), server);
        EXPECT_EQ(end.error, errc::unsolicited_reply) << r.index;
        EXPECT_EQ(end.at, r.at);
        EXPECT_EQ(end.sent.find("QUIT"), std::string::npos);
    }
    for (std::size_t index = 1; index < 6; ++index) { // it waits before its command has ended
        scripted_line line(open_server);
        line.early(index);
        EXPECT_EQ(run(open_mail(), line).error, errc::unsolicited_reply) << index;
        EXPECT_EQ(line.sent().find("\r\n.\r\n"), std::string::npos);
    }
}

TEST(lockstep, refuses_what_is_no_reply) {
    for (const char* reply :
         {"hello\r\n", "2200 x\r\n", "22\r\n", "250-a\r\n251 b\r\n", "250 a\rb", "260 \0 x"}) {
        for (const refusal& r : refusals) {
            std::vector<std::string> server = open_server;
            server[r.index] = reply;
            const ending end = run(open_mail(), server);
            EXPECT_NE(end.error, errc::ok) << reply;
            EXPECT_EQ(end.at, r.at);
        }
    }
    std::vector<std::string> endless = open_server;
    endless[1] = "250 " + std::string(5000, 'x');
    EXPECT_EQ(run(open_mail(), endless).error, errc::reply_line_too_long);
}

TEST(lockstep, falls_back_to_helo_only_where_ehlo_is_not_known) {
    for (const char* reply : {"500 what\r\n", "502 no\r\n", "504 no\r\n"}) {
        std::vector<std::string> server = open_server;
        server.insert(server.begin() + 1, reply);
        const ending end = run(open_mail(), server);
        EXPECT_EQ(end.error, errc::ok) << reply;
        EXPECT_TRUE(end.sent.starts_with("EHLO device.example\r\nHELO device.example\r\nMAIL ")) << end.sent;
    }
    std::vector<std::string> server = open_server;
    server[1] = "502 no\r\n";
    server[2] = "550 neither\r\n";
    EXPECT_EQ(run(open_mail(), server).at, stage::ehlo);

    lockstep_mail helo = open_mail();
    helo.use_ehlo = false;
    EXPECT_TRUE(run(helo, open_server).sent.starts_with("HELO device.example\r\nMAIL "));
    server = open_server;
    server[1] = "502 no\r\n";
    EXPECT_EQ(run(helo, server).error, errc::command_refused);
}

// --- authentication ---

std::vector<std::string> server_with(std::string ehlo, std::vector<std::string> auth) {
    std::vector<std::string> server = {"220 hi\r\n", std::move(ehlo)};
    server.insert(server.end(), auth.begin(), auth.end());
    server.insert(server.end(), open_server.begin() + 2, open_server.end());
    return server;
}

constexpr const char* plain_answer = "AGFsaWNlAHNlY3JldA=="; // NUL alice NUL secret
constexpr const char* lists_both = "250-mx\r\n250 AUTH LOGIN PLAIN\r\n";

TEST(lockstep, plain_answers_once) {
    const ending end = run(plain_mail(), server_with(lists_both, {"334 \r\n", "235 in\r\n"}));
    EXPECT_EQ(end.error, errc::ok);
    EXPECT_NE(end.sent.find(std::string("\r\nAUTH PLAIN\r\n") + plain_answer + "\r\nMAIL"),
              std::string::npos);

    const ending again = run(plain_mail(), server_with(lists_both, {"334 \r\n", "334 \r\n", "501 ok\r\n"}));
    EXPECT_EQ(again.error, errc::command_refused);
    EXPECT_EQ(again.at, stage::auth);
    EXPECT_TRUE(again.sent.ends_with(std::string(plain_answer) + "\r\n*\r\nQUIT\r\n")) << again.sent;
}

TEST(lockstep, a_line_lost_while_cancelling_is_lost) {
    const ending end = run(plain_mail(), {"220 hi\r\n", lists_both, "334 \r\n", "334 \r\n"});
    EXPECT_EQ(end.error, errc::connection_lost);
    EXPECT_EQ(end.at, stage::auth);
}

TEST(lockstep, login_answers_the_two_words_in_either_order) {
    struct {
        const char* first;
        const char* second;
        const char* answers;
    } const cases[] = {{"334 VXNlcm5hbWU6\r\n", "334 UGFzc3dvcmQ6\r\n", "YWxpY2U=\r\nc2VjcmV0\r\n"},
                       {"334 UEFTU1dPUkQ6\r\n", "334 dXNlcm5hbWU6\r\n", "c2VjcmV0\r\nYWxpY2U=\r\n"},
                       {"334 cGFzc3dvcmQ=\r\n", "334 \r\n", "c2VjcmV0\r\nYWxpY2U=\r\n"},
                       {"334\r\n", "334 !!\r\n", "YWxpY2U=\r\nc2VjcmV0\r\n"}};
    lockstep_mail mail = plain_mail();
    mail.prefer_login = true;
    for (const auto& c : cases) {
        const ending end = run(mail, server_with(lists_both, {c.first, c.second, "235 in\r\n"}));
        EXPECT_EQ(end.error, errc::ok) << c.first;
        EXPECT_NE(end.sent.find(std::string("AUTH LOGIN\r\n") + c.answers + "MAIL"), std::string::npos)
            << end.sent;
    }
    const ending third =
        run(mail, server_with(lists_both, {"334 \r\n", "334 \r\n", "334 \r\n", "501 x\r\n"}));
    EXPECT_EQ(third.error, errc::command_refused);
    EXPECT_TRUE(third.sent.ends_with("c2VjcmV0\r\n*\r\nQUIT\r\n")) << third.sent;
}

TEST(lockstep, chooses_the_mechanism_by_what_is_listed) {
    struct {
        const char* ehlo;
        bool prefer_login;
        const char* verb;
    } const cases[] = {
        {lists_both, false, "AUTH PLAIN\r\n"},
        {lists_both, true, "AUTH LOGIN\r\n"},
        {"250-mx\r\n250 AUTH LOGIN\r\n", false, "AUTH LOGIN\r\n"},
        {"250-mx\r\n250 AUTH PLAIN\r\n", true, "AUTH PLAIN\r\n"},
        {"250-mx\r\n250-auth=login\r\n250 HELP\r\n", false, "AUTH LOGIN\r\n"},
        {"250-mx\r\n250 AUTH CRAM-MD5\r\n", true, "AUTH PLAIN\r\n"},
        {"250 mx\r\n", true, "AUTH PLAIN\r\n"},                        // nothing listed
        {"250-AUTH LOGIN\r\n250 HELP\r\n", true, "AUTH PLAIN\r\n"},    // that is a name
        {"250-mx\r\n250 AUTHLOGIN LOGIN\r\n", true, "AUTH PLAIN\r\n"}, // and that no keyword
    };
    for (const auto& c : cases) {
        lockstep_mail mail = plain_mail();
        mail.prefer_login = c.prefer_login;
        const ending end = run(mail, server_with(c.ehlo, {"535 no\r\n", "221 bye\r\n"}));
        EXPECT_NE(end.sent.find(c.verb), std::string::npos) << c.ehlo << end.sent;
        EXPECT_EQ(end.at, stage::auth);
        EXPECT_EQ(end.code, 535U);
    }
}

TEST(lockstep, optional_authentication_follows_the_server) {
    lockstep_mail mail = plain_mail();
    mail.optional_auth = true;
    EXPECT_EQ(run(mail, open_server).error, errc::ok); // nothing listed, nothing done
    EXPECT_NE(run(mail, server_with(lists_both, {"334 \r\n", "235 in\r\n"})).sent.find("AUTH PLAIN"),
              std::string::npos);
    mail.user = ""; // nothing to say
    EXPECT_EQ(run(mail, server_with(lists_both, {})).error, errc::ok);
}

TEST(lockstep, success_before_the_password_is_none) {
    const ending end = run(plain_mail(), server_with(lists_both, {"235 welcome\r\n"}));
    EXPECT_EQ(end.error, errc::command_refused);
    EXPECT_EQ(end.at, stage::auth);
    EXPECT_EQ(end.sent.find("MAIL"), std::string::npos);
}

// --- content ---

std::string content_sent(std::vector<std::string_view> parts) {
    scripted_line line(open_server);
    line.give(std::move(parts));
    const std::string sent = run(open_mail(), line).sent;
    const std::size_t begin = sent.find("DATA\r\n") + 6;
    return sent.substr(begin, sent.find("QUIT") - begin);
}

std::string encoded(std::string_view content) {
    content_encoder encoder;
    encoder.lend(content, true);
    std::string out;
    for (std::string_view slice = encoder.next(); !slice.empty(); slice = encoder.next()) {
        out += slice;
    }
    return out + ".\r\n";
}

// Every content of up to five octets of those that matter, cut at every place.
TEST(lockstep, content_is_what_the_engine_would_send) {
    constexpr std::string_view alphabet = "\r\n.a";
    std::vector<std::string> contents = {""};
    for (std::size_t i = 0; contents[i].size() < 5; ++i) {
        const std::string shorter = contents[i];
        for (const char c : alphabet) {
            contents.push_back(shorter + c);
        }
    }
    for (const std::string& content : contents) {
        const std::string expected = encoded(content);
        for (std::size_t cut = 0; cut <= content.size(); ++cut) {
            const std::string_view all = content;
            EXPECT_EQ(content_sent({all.substr(0, cut), all.substr(cut)}), expected);
        }
    }
}

TEST(lockstep, a_nul_is_never_sent) {
    scripted_line line(open_server);
    line.give({"text\r\n", {"a\0b", 3}});
    const ending end = run(open_mail(), line);
    EXPECT_EQ(end.error, errc::content_has_nul);
    EXPECT_EQ(end.at, stage::content);
    EXPECT_EQ(end.sent.find('\0'), std::string::npos);
    EXPECT_EQ(end.sent.find("QUIT"), std::string::npos); // the line is in the middle of the content
}

} // namespace
} // namespace postrider
