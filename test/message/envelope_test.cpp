#include "support.hpp"

#include <gtest/gtest.h>

#include <array>
#include <random>

namespace postrider::test {
namespace {

using mailboxes = std::vector<std::string>;

message_envelope envelope(const std::string& message) {
    std::string why;
    auto r = envelope_of(content(message), &why);
    EXPECT_TRUE(r) << why;
    return r.value_or(message_envelope{});
}

std::pair<errc, std::string> refused(const std::string& message) {
    std::string why;
    const auto r = envelope_of(content(message), &why);
    EXPECT_FALSE(r);
    return {r.error(), why};
}

std::string stripped(const std::string& message) {
    return octets_of(without_bcc(content(message)).value());
}

TEST(envelope_of, reads_every_address_field_once) {
    const auto e =
        envelope("From: A <a@x>, b@x\r\nSender: s@x\r\nTO: t1@y,\r\n T2 <t2@y>\r\nCc : c@y\r\nbCc: h@y\r\n"
                 "To: t3@y, T1@Y, t1@Y\r\nSubject: to: nobody@z\r\n\r\nTo: body@z\r\n");
    EXPECT_EQ(e.reverse_path(), "s@x");
    EXPECT_EQ(e.recipients(), (mailboxes{"t1@y", "t2@y", "t3@y", "T1@Y", "c@y", "h@y"}));
    EXPECT_EQ(e.from.size(), 2U);
    EXPECT_EQ(e.to[1], (address{"T2", "t2@y"}));
    EXPECT_EQ(e.bcc.size(), 1U);
    EXPECT_FALSE(e.resent);
}

TEST(envelope_of, every_kind_of_line_end_ends_a_line) {
    for (const char* line_end : {"\r\n", "\n", "\r"}) {
        const std::string end = line_end;
        const auto e =
            envelope("From: a@x" + end + "To: b@y," + end + "\tc@y" + end + end + "Cc: body@z" + end);
        EXPECT_EQ(e.reverse_path(), "a@x");
        EXPECT_EQ(e.recipients(), (mailboxes{"b@y", "c@y"}));
    }
}

TEST(envelope_of, a_header_may_end_with_the_content) {
    EXPECT_EQ(envelope("From: a@x\r\nTo: b@y").recipients(), mailboxes{"b@y"});
    EXPECT_EQ(envelope("\r\nTo: b@y\r\n").recipients(), mailboxes{});
    EXPECT_EQ(envelope("").reverse_path(), "");
}

TEST(envelope_of, the_newest_resent_block_counts_alone) {
    const std::string original = "From: a@x\r\nTo: b@y\r\n\r\n";
    auto e = envelope("Resent-From: r@x\r\nResent-To: n@y\r\nResent-Cc: o@y\r\nResent-From: "
                      "older@x\r\nResent-Bcc: older@y\r\n" +
                      original);
    EXPECT_TRUE(e.resent);
    EXPECT_EQ(e.reverse_path(), "r@x");
    EXPECT_EQ(e.recipients(), (mailboxes{"n@y", "o@y"}));
    e = envelope("Resent-From: r@x\r\nResent-To: n@y\r\nReceived: by z\r\nResent-Cc: older@y\r\n" + original);
    EXPECT_EQ(e.recipients(), mailboxes{"n@y"});
    e = envelope("Received: by z\r\nResent-Sender: s@x\r\nResent-From: r@x\r\nResent-Bcc: h@y\r\n" +
                 original);
    EXPECT_EQ(e.reverse_path(), "s@x");
    EXPECT_EQ(e.recipients(), mailboxes{"h@y"});
}

TEST(envelope_of, what_is_no_header_is_refused_with_a_reason) {
    EXPECT_EQ(refused("Dear Bob,\r\n\r\nhello\r\n").first, errc::bad_message);
    EXPECT_NE(refused("From: a@x\r\nno colon here\r\n\r\n").second.find("'no colon here'"),
              std::string::npos);
    EXPECT_EQ(refused("From me@x Tue Nov 24 10:00:00 2026\r\nFrom: a@x\r\n\r\n").first, errc::bad_message);
    EXPECT_EQ(refused(" starts folded\r\n\r\n").first, errc::bad_message);
    EXPECT_EQ(refused("From: a@x\r\nFrom: b@x\r\n\r\n").first, errc::bad_message);
    EXPECT_EQ(refused("Sender: a@x\r\nSender: b@x\r\n\r\n").first, errc::bad_message);
    EXPECT_EQ(refused("Sender: a@x, b@x\r\n\r\n").first, errc::bad_message);
    EXPECT_EQ(refused("To: broken\r\n\r\n").first, errc::bad_address);
    EXPECT_EQ(refused("To: a@" + std::string(300, 'b') + "\r\n\r\n").first, errc::address_too_long);
    EXPECT_EQ(refused("To: J\xFCrgen <a@b>\r\n\r\n").first, errc::bad_address);
    EXPECT_NE(refused("To: ok@x\r\nCc: x y@z\r\n\r\n").second.find("cc: 'x y@z'"), std::string::npos);
}

TEST(envelope_of, endless_fields_stay_bounded) {
    std::string line = "To: a@b";
    line.resize(40U * 1024 * 1024, ' ');
    EXPECT_EQ(refused(line + "\r\n\r\n").first, errc::bad_message);
    EXPECT_EQ(refused(std::string(40U * 1024 * 1024, 'x')).first, errc::bad_message);
}

TEST(envelope_of, an_unreadable_content_is_an_error) {
    const temporary_folder folder;
    const auto c = content::from_file(folder.file("m", "From: a@x\r\nBcc: b@y\r\n\r\n"));
    ASSERT_TRUE(c);
    folder.file("m", "From");
    std::string why;
    EXPECT_EQ(envelope_of(*c, &why).error(), errc::content_unreadable);
    EXPECT_EQ(without_bcc(*c).error(), errc::content_unreadable);
}

TEST(without_bcc, takes_out_the_field_and_nothing_else) {
    EXPECT_EQ(stripped("From: a@x\r\nBcc: h@y\r\nTo: b@y\r\n\r\nBcc: body\r\n"),
              "From: a@x\r\nTo: b@y\r\n\r\nBcc: body\r\n");
    EXPECT_EQ(stripped("bCC: h@y,\r\n\ti@y,\r\n j@y\r\nTo: b@y\r\n"), "To: b@y\r\n");
    EXPECT_EQ(stripped("Bcc \t: h@y\nTo: b@y\n"), "To: b@y\n");
    EXPECT_EQ(stripped("Bcc\r\n : h@y\r\nTo: b@y\r\n"), "To: b@y\r\n");
    EXPECT_EQ(stripped("To: b@y\rBcc: h@y\rCc: c@y\r\r"), "To: b@y\rCc: c@y\r\r");
    EXPECT_EQ(stripped("\xEF\xBB\xBF"
                       "Bcc: h@y\r\nTo: b@y\r\n"),
              "To: b@y\r\n");
    EXPECT_EQ(stripped("Resent-Bcc: h@y\r\nRESENT-bcc:i@y\r\nTo: b@y\r\n"), "To: b@y\r\n");
    EXPECT_EQ(stripped("To: b@y\r\nBcc: h@y"), "To: b@y\r\n");
    EXPECT_EQ(stripped("Bcc:\r\n \r\n h@y\r\n\r\nbody"), "\r\nbody");
    EXPECT_EQ(stripped("no header\r\nBcc: h@y\r\n\r\n"), "no header\r\n\r\n");
    // The CR must not take the empty line's LF for its own.
    EXPECT_EQ(stripped("To: b@y\rBcc: h@y\r\nBcc: i@y\n\nbody"), "To: b@y\n\nbody");
    EXPECT_EQ(stripped("X-Bcc: k@y\r\nBcc-X: k@y\r\nBccc: k@y\r\n\r\n"),
              "X-Bcc: k@y\r\nBcc-X: k@y\r\nBccc: k@y\r\n\r\n");
}

/// A header field in one of its many disguises, and whether it is a blind copy.
struct disguised_field {
    std::string text;
    bool blind;
};

disguised_field random_field(std::mt19937& random, const std::string& secret) {
    const auto pick = [&](auto... options) {
        const std::array<std::string, sizeof...(options)> all{options...};
        return all[random() % all.size()];
    };
    const std::string end = pick("\r\n", "\n", "\r");
    const bool blind = random() % 3 == 0;
    std::string name =
        blind ? pick("Bcc", "Resent-Bcc") : pick("To", "Cc", "X-Bcc", "Subject", "Bcc-Note", "Received");
    for (char& c : name) {
        c = random() % 2 == 0 ? static_cast<char>(std::toupper(c)) : static_cast<char>(std::tolower(c));
    }
    std::string text = name + pick("", " ", "\t", end + " ") + ":" + pick("", " ", end + "\t");
    text += (blind ? secret : "open@y") + pick("", ",", end + " \t" + end + " more@y") + end;
    return {text, blind};
}

TEST(without_bcc, no_blind_recipient_survives_any_disguise_and_nothing_else_changes) {
    std::mt19937 random(11);
    for (int round = 0; round < 20000; ++round) {
        std::string message;
        std::string expected;
        for (unsigned n = random() % 8; n != 0; --n) {
            const auto field = random_field(random, "secret@hidden.example");
            message += field.text;
            expected += field.blind ? "" : field.text;
        }
        const std::string body = "\r\nBody, Bcc: here\r\n";
        ASSERT_EQ(stripped(message + body), expected + body) << message;
    }
}

TEST(without_bcc, shares_a_large_message_and_does_not_care_where_blocks_end) {
    const temporary_folder folder;
    for (std::size_t shift = 0; shift < 12; ++shift) {
        const std::string before = "X: " + std::string(content::block_size - 12 + shift, 'x') + "\r\n";
        const std::string after = "To: b@y\r\n\r\n" + std::string(700000, 'b');
        const auto c = content::from_file(folder.file("m", before + "Bcc: h@y\r\n" + after));
        ASSERT_TRUE(c);
        EXPECT_TRUE(octets_of(without_bcc(*c).value()) == before + after);
    }
}

} // namespace
} // namespace postrider::test
