#include "postrider/outcome.hpp"

#include <gtest/gtest.h>

#include <cctype>
#include <set>
#include <string>

namespace {

using namespace postrider;

TEST(names, every_errc_has_a_name_and_a_sentence_of_its_own) {
    std::set<std::string_view> names;
    std::set<std::string_view> texts;
    for (unsigned i = 0; i <= static_cast<unsigned>(errc::session_closed); ++i) {
        const auto e = static_cast<errc>(i);
        EXPECT_TRUE(names.insert(name(e)).second) << name(e);
        EXPECT_TRUE(texts.insert(message(e)).second) << message(e);
        EXPECT_NE(message(e).back(), '.') << message(e);
        EXPECT_NE(std::isupper(static_cast<unsigned char>(name(e)[0])), 1);
    }
    EXPECT_EQ(name(errc::ok), "ok");
    EXPECT_EQ(static_cast<int>(errc::ok), 0);
}

TEST(names, dispositions_and_stages) {
    const char* const dispositions[] = {"pending",   "accepted",  "delivered",
                                        "transient", "permanent", "in_doubt"};
    for (unsigned i = 0; i < 6; ++i) {
        EXPECT_EQ(name(static_cast<disposition>(i)), dispositions[i]);
    }
    const char* const stages[] = {"connect", "greeting", "ehlo",    "starttls", "auth", "mail",
                                  "rcpt",    "data",     "content", "command",  "quit"};
    for (unsigned i = 0; i < 11; ++i) {
        EXPECT_EQ(name(static_cast<stage>(i)), stages[i]);
    }
}

// Trying again unchanged cannot help with what is wrong with the message, the credentials or the settings; it
// may with everything that happens on the line.
TEST(names, what_a_failure_means_for_a_message_that_was_not_accepted) {
    for (const errc e :
         {errc::bad_address, errc::bad_argument, errc::no_recipients, errc::content_has_nul,
          errc::message_too_large, errc::needs_8bitmime, errc::needs_binarymime, errc::needs_smtputf8,
          errc::needs_dsn, errc::host_not_found, errc::starttls_unavailable, errc::tls_certificate,
          errc::auth_unavailable, errc::auth_needs_tls, errc::auth_refused, errc::auth_challenge}) {
        EXPECT_EQ(disposition_of(e), disposition::permanent) << name(e);
    }
    for (const errc e :
         {errc::connection_refused, errc::connection_lost, errc::timed_out, errc::cancelled,
          errc::out_of_memory, errc::starttls_refused, errc::tls_handshake, errc::auth_transient,
          errc::service_closing, errc::malformed_reply, errc::unsolicited_reply, errc::queue_full,
          errc::session_closed, errc::content_unreadable}) {
        EXPECT_EQ(disposition_of(e), disposition::transient) << name(e);
    }
}

// The line is gone or not to be trusted any more; a refusal leaves it as it was.
TEST(names, what_ends_a_session) {
    for (const errc e :
         {errc::connection_lost, errc::timed_out, errc::cancelled, errc::tls_truncated, errc::service_closing,
          errc::malformed_reply, errc::mixed_codes, errc::reply_line_too_long, errc::reply_too_long,
          errc::unexpected_reply, errc::unsolicited_reply, errc::session_closed}) {
        EXPECT_TRUE(ends_session(e)) << name(e);
    }
    for (const errc e :
         {errc::ok, errc::bad_address, errc::sender_refused, errc::recipient_refused, errc::content_refused,
          errc::message_too_large, errc::others_refused, errc::queue_full}) {
        EXPECT_FALSE(ends_session(e)) << name(e);
    }
}

} // namespace
