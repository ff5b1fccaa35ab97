#include "support.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <functional>
#include <memory>
#include <random>
#include <set>
#include <sys/wait.h>
#include <unistd.h>

namespace postrider::test {
namespace {

using strings = std::vector<std::string>;
using people = std::vector<std::pair<std::string, std::string>>;

// Sanitizers keep freed memory and shadow it; the bound on memory is for what users run.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr long most_growth_kib = 512L * 1024;
#else
constexpr long most_growth_kib = 6L * 1024;
#endif

std::string composed(const draft& d, const composition& how = {}) {
    std::string why;
    const auto c = compose(d, how, &why);
    EXPECT_TRUE(c) << why;
    return c ? octets_of(*c) : std::string{};
}

std::pair<errc, std::string> refused(const draft& d, const composition& how = {}) {
    std::string why;
    const auto c = compose(d, how, &why);
    EXPECT_FALSE(c);
    EXPECT_EQ(why.empty(), c.has_value());
    return {c.error(), why};
}

std::string part_octets(const nlohmann::json& parsed, std::size_t i) {
    return decode_base64(parsed["parts"][i]["octets"]);
}

/// What holds for every message, whatever is in it.
void expect_sound(const nlohmann::json& parsed) {
    EXPECT_EQ(parsed["defects"], nlohmann::json::array());
    EXPECT_LE(parsed["raw"]["longest_line"], 998);
    EXPECT_LE(parsed["raw"]["longest_encoded_word_line"], 76);
    EXPECT_EQ(parsed["raw"]["bare_line_ends"], 0);
    EXPECT_EQ(parsed["raw"]["blank_header_lines"], 0);
}

nlohmann::json sound(const std::string& message) {
    auto parsed = parse_with_python(message);
    expect_sound(parsed);
    return parsed;
}

attachment attached(std::string name, std::string octets) {
    attachment a;
    a.file_name = std::move(name);
    a.data = std::move(octets);
    return a;
}

TEST(compose, the_smallest_message_holds_what_was_asked_for_and_no_more) {
    draft d = small_draft();
    d.date = date_time{std::chrono::sys_seconds(std::chrono::seconds(1445412480)), std::chrono::minutes(-90)};
    d.message_id = "id@example.org";
    EXPECT_EQ(composed(d), "Date: Wed, 21 Oct 2015 05:58:00 -0130\r\n"
                           "From: a@example.org\r\n"
                           "To: b@example.net\r\n"
                           "Subject: Hello\r\n"
                           "Message-ID: <id@example.org>\r\n"
                           "MIME-Version: 1.0\r\n"
                           "Content-Type: text/plain; charset=utf-8\r\n"
                           "Content-Transfer-Encoding: 7bit\r\n"
                           "\r\n"
                           "One line.\r\n");
}

TEST(compose, every_member_comes_out_as_another_parser_reads_it) {
    draft d = small_draft();
    d.from = {{"Jürgen \"J\" Müller", "j@example.org"}, {"", "k@example.org"}};
    d.sender = address{"Doe, Jane", "jane@example.org"};
    d.to = {{"Ünï", "u@bücher.example"}, {"", "\"a b\"@example.org"}, {"Plain Name", "p@[192.0.2.1]"}};
    d.cc = {{"日本語の長い名前をもつひと日本語の長い名前をもつひと", "c@example.org"}};
    d.reply_to = {{"back\\slash", "r@example.org"}};
    d.subject = "Grüße = _? =?utf-8?q?no?=  two blanks ";
    d.date = date_time{std::chrono::sys_seconds(std::chrono::seconds(0)), std::chrono::minutes(330)};
    d.message_id = "<mine@example.org>";
    d.in_reply_to = {"<one@x>"};
    d.references = {"zero@x", "one@x"};
    d.extra = {{"X-Note", "naïve"}, {"List-Id", "<list.example.org>"}};
    d.priority = message_priority::high;
    const auto p = sound(composed(d));
    EXPECT_EQ(p["names"], (strings{"Date", "From", "Sender", "To", "Cc", "Reply-To", "Subject", "Message-ID",
                                   "In-Reply-To", "References", "Importance", "X-Priority", "X-Note",
                                   "List-Id", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"}));
    EXPECT_EQ(p["values"]["subject"], d.subject);
    EXPECT_EQ(p["addresses"]["from"].get<people>(),
              (people{{"Jürgen \"J\" Müller", "j@example.org"}, {"", "k@example.org"}}));
    EXPECT_EQ(p["addresses"]["sender"].get<people>(), (people{{"Doe, Jane", "jane@example.org"}}));
    EXPECT_EQ(p["addresses"]["to"].get<people>(), (people{{"Ünï", "u@xn--bcher-kva.example"},
                                                          {"", "\"a b\"@example.org"},
                                                          {"Plain Name", "p@[192.0.2.1]"}}));
    EXPECT_EQ(p["addresses"]["cc"].get<people>(), (people{{d.cc[0].display_name, "c@example.org"}}));
    EXPECT_EQ(p["addresses"]["reply-to"].get<people>(), (people{{"back\\slash", "r@example.org"}}));
    EXPECT_EQ(p["date"], "1970-01-01T05:30:00+05:30");
    EXPECT_EQ(p["values"]["message-id"], "<mine@example.org>");
    EXPECT_EQ(p["values"]["references"], "<zero@x> <one@x>");
    EXPECT_EQ(p["values"]["importance"], "high");
    EXPECT_EQ(p["values"]["x-note"], "naïve");
    EXPECT_EQ(p["values"]["list-id"], "<list.example.org>");
}

TEST(compose, long_headers_fold_and_read_the_same) {
    draft d = small_draft();
    d.to.clear();
    for (int i = 0; i < 300; ++i) {
        d.to.push_back({i % 2 == 0 ? "Recipient Number " + std::to_string(i) : "",
                        "user" + std::to_string(i) + "@long-enough.example.org"});
    }
    for (const std::string& subject :
         {std::string(3000, 'x'), std::string(300, 'x') + " " + std::string(300, 'y'),
          std::string(90, ' ') + "x", std::string("x") + std::string(200, ' '),
          std::string(500, '?') + "\xC3\xA4", std::string(200, '\t')}) {
        d.subject = subject;
        const auto p = sound(composed(d));
        EXPECT_EQ(p["values"]["subject"], subject);
        EXPECT_EQ(p["addresses"]["to"].size(), 300U);
        EXPECT_EQ(p["addresses"]["to"][299][1], "user299@long-enough.example.org");
    }
}

TEST(compose, structure_is_as_flat_as_it_can_be) {
    const attachment inline_image = [] {
        attachment a = attached("logo.png", "png");
        a.content_id = "logo@x";
        return a;
    }();
    const attachment file = attached("a.pdf", "pdf");
    const auto outline = [&](bool text, bool html, std::vector<attachment> attachments) {
        draft d = small_draft();
        d.text = text ? std::optional<content>("text") : std::nullopt;
        d.html = html ? std::optional<content>("<p>html</p>") : std::nullopt;
        d.attachments = std::move(attachments);
        return sound(composed(d))["outline"].get<std::string>();
    };
    EXPECT_EQ(outline(false, false, {}), "text/plain");
    EXPECT_EQ(outline(true, false, {}), "text/plain");
    EXPECT_EQ(outline(false, true, {}), "text/html");
    EXPECT_EQ(outline(true, true, {}), "alternative(text/plain,text/html)");
    EXPECT_EQ(outline(true, false, {file}), "mixed(text/plain,application/pdf)");
    EXPECT_EQ(outline(false, false, {file}), "mixed(application/pdf)");
    EXPECT_EQ(outline(false, true, {inline_image}), "related(text/html,image/png)");
    EXPECT_EQ(outline(true, false, {inline_image}), "mixed(text/plain,image/png)");
    EXPECT_EQ(outline(true, true, {file, inline_image, file}),
              "mixed(alternative(text/plain,related(text/html,image/png)),application/pdf,application/pdf)");
}

TEST(compose, attachments_come_back_octet_for_octet) {
    const temporary_folder folder;
    draft d = small_draft();
    std::mt19937 random(5);
    strings octets;
    for (const std::size_t size : {0U, 1U, 2U, 3U, 56U, 57U, 58U, 1000U, 70000U}) {
        std::string one(size, '\0');
        for (char& c : one) {
            c = static_cast<char>(random());
        }
        octets.push_back(one);
        d.attachments.push_back(attachment{});
        d.attachments.back() =
            attach_file(folder.file("größe " + std::to_string(size) + ".bin", one)).value();
    }
    d.attachments[3].media_type = "text/calendar";
    d.attachments[3].parameters = {{"method", "REQUEST"}, {"name", "ü\"; x=y"}};
    d.attachments[4].content_id = "<pic>";
    for (const bool binary : {false, true}) {
        composition how;
        how.binary = binary;
        const auto p = parse_with_python(composed(d, how));
        EXPECT_EQ(p["defects"], nlohmann::json::array());
        for (std::size_t i = 0; i != octets.size(); ++i) {
            const auto& part = p["parts"][i + 1];
            EXPECT_EQ(part["encoding"], binary ? "binary" : "base64");
            EXPECT_EQ(part["file_name"], "größe " + std::to_string(octets[i].size()) + ".bin");
            EXPECT_EQ(part["disposition"], i == 4 ? "inline" : "attachment");
            EXPECT_TRUE(part_octets(p, i + 1) == octets[i]) << i;
        }
        EXPECT_EQ(p["encodings"][0], binary ? "binary" : "7bit");
        EXPECT_EQ(p["parts"][4]["parameters"]["method"], "REQUEST");
        EXPECT_EQ(p["parts"][4]["parameters"]["name"], "ü\"; x=y");
        EXPECT_EQ(p["parts"][5]["content_id"], "<pic>");
    }
}

TEST(compose, transfer_encoding_follows_the_text_and_the_server) {
    struct row {
        std::string text;
        bool eight_bit;
        std::string encoding;
    };
    const std::string latin = "Grüße aus dem ersten Satz, der sonst nur aus ASCII besteht.\r\n";
    const std::string japanese = "日本語の文章だけ\r\n";
    for (const row& r :
         {row{"plain\r\n", false, "7bit"}, row{"plain\r\n", true, "7bit"},
          row{latin, false, "quoted-printable"}, row{latin, true, "8bit"}, row{japanese, false, "base64"},
          row{japanese, true, "8bit"}, row{std::string(998, 'x') + "\r\n", false, "7bit"},
          row{std::string(999, 'x') + "\r\n", true, "quoted-printable"},
          row{latin + std::string(2000, 'x') + "\r\n", true, "quoted-printable"},
          row{japanese + std::string(999, '=') + "\r\n", true, "base64"}, row{"", false, "7bit"},
          row{"trailing blank \r\n.\r\n..\r\nFrom x\r\n\x1B[1m\x7F=\r\n", false, "7bit"},
          row{"ä trailing \t\r\n\r\n \r\n.\r\nFrom x =\r\n" + std::string(100, ' ') + "\r\n" +
                  std::string(200, 'z') + "\r\n",
              false, "quoted-printable"}}) {
        draft d = small_draft();
        composition how;
        how.eight_bit = r.eight_bit;
        d.text = r.text;
        strings messages{composed(d, how)};
        d.text.reset();
        d.html = r.text;
        messages.push_back(composed(d, how));
        d.html.reset();
        d.text = r.text;
        d.attachments = {attached("x", "x")};
        messages.push_back(composed(d, how));
        const auto all = parse_with_python(messages);
        for (const auto& p : all) {
            expect_sound(p);
            EXPECT_EQ(p["parts"][0]["encoding"], r.encoding) << r.text;
            EXPECT_EQ(part_octets(p, 0), r.text);
            EXPECT_EQ(p["parts"][0]["parameters"]["charset"], "utf-8");
        }
        EXPECT_EQ(all[2]["encodings"][0], r.encoding == "8bit" ? "8bit" : "7bit"); // the multipart's own
    }
}

TEST(compose, line_ends_of_texts_become_crlf) {
    draft d = small_draft();
    for (const auto& [given, wanted] : std::vector<std::pair<std::string, std::string>>{
             {"a\nb", "a\r\nb\r\n"},
             {"a\rb\r", "a\r\nb\r\n"},
             {"\n\r\r\n", "\r\n\r\n\r\n"},
             {"ä\nb", "ä\r\nb\r\n"},
             {"ä\r", "ä\r\n"},
             {"日本語日本語日本語\r日本語日本語", "日本語日本語日本語\r\n日本語日本語\r\n"}}) {
        d.text = given;
        EXPECT_EQ(part_octets(sound(composed(d)), 0), wanted);
    }
}

TEST(compose, texts_are_read_block_by_block_from_files) {
    const temporary_folder folder;
    draft d = small_draft();
    for (std::size_t shift = 0; shift < 4; ++shift) {
        std::string text;
        while (text.size() < 2 * content::block_size) {
            text += "0123456789012345678901234567890123456789012345678901234567890\r\n";
        }
        text.resize(content::block_size - shift);
        text.replace(text.size() - 4, 4, "xxxx"); // not half a line end
        text += "\xE2\x82\xAC\r\nend\r\n";
        d.text = content::from_file(folder.file("text", text)).value();
        const auto p = sound(composed(d));
        EXPECT_EQ(p["parts"][0]["encoding"], "quoted-printable");
        composition eight;
        eight.eight_bit = true;
        const std::string whole = composed(d, eight);
        EXPECT_TRUE(whole.substr(whole.find("\r\n\r\n") + 4) == text);
        EXPECT_EQ(p["parts"][0]["sha256"], parse_with_python(whole)["parts"][0]["sha256"]);
    }
}

TEST(compose, utf8_mailboxes_need_smtputf8_and_are_then_written_as_they_are) {
    draft d = small_draft();
    d.to = {{"Jürgen", "jürgen@bücher.example"}, {"", "b@bücher.example"}};
    const auto [error, why] = refused(d);
    EXPECT_EQ(error, errc::needs_smtputf8);
    EXPECT_NE(why.find("To: 'jürgen@bücher.example'"), std::string::npos) << why;
    composition how;
    how.smtputf8 = true;
    const std::string message = composed(d, how);
    EXPECT_NE(message.find("<jürgen@bücher.example>"), std::string::npos);
    EXPECT_NE(message.find(" b@xn--bcher-kva.example"), std::string::npos);
    EXPECT_TRUE(content(message).traits()->header_has_8bit);
    // An international server does not make a message international.
    EXPECT_FALSE(content(composed(small_draft(), how)).traits()->header_has_8bit);
    // A blind recipient is not in the header.
    draft blind = small_draft();
    blind.bcc = {{"", "jürgen@example.org"}};
    EXPECT_FALSE(content(composed(blind)).traits()->header_has_8bit);
}

TEST(compose, blind_recipients_are_recipients_and_nothing_else) {
    draft d = small_draft();
    d.cc = {{"", "B@EXAMPLE.net"}, {"", "b@EXAMPLE.net"}};
    d.bcc = {{"Secret Agent", "secret@hidden.example"}, {"", "b@example.net"}};
    d.html = "<p>x</p>";
    d.attachments = {attached("x.txt", "x")};
    const std::string message = composed(d);
    for (const char* trace : {"secret", "Secret", "Agent", "hidden", "Bcc:", "bcc:"}) {
        EXPECT_EQ(message.find(trace), std::string::npos) << trace;
    }
    EXPECT_EQ(d.recipients(), (strings{"b@example.net", "B@EXAMPLE.net", "secret@hidden.example"}));
    EXPECT_EQ(d.reverse_path(), "a@example.org");
    const auto e = envelope_of(content(message));
    ASSERT_TRUE(e);
    EXPECT_EQ(e->recipients(), (strings{"b@example.net", "B@EXAMPLE.net"}));
}

TEST(compose, nothing_of_the_machine_comes_out) {
    const temporary_folder folder;
    draft d = small_draft();
    d.html = "<p>x</p>";
    d.attachments = {attach_file(folder.file("report.txt", "x")).value()};
    const std::string message = composed(d);
    std::array<char, 256> host{};
    ASSERT_EQ(::gethostname(host.data(), host.size() - 1), 0);
    const std::unique_ptr<char, void (*)(void*)> cwd(::getcwd(nullptr, 0), std::free);
    const char* user = std::getenv("USER");
    for (const std::string& trace :
         {std::string(host.data()), std::string(cwd.get()), std::string(user != nullptr ? user : ""),
          folder.path(), std::string("postrider"), std::string("User-Agent"), std::string("X-Mailer"),
          std::string("GMime")}) {
        if (trace.size() > 1) {
            EXPECT_EQ(message.find(trace), std::string::npos) << trace;
        }
    }
    const auto p = sound(message);
    EXPECT_NE(p["values"]["date"].get<std::string>().find("+0000"), std::string::npos);
    EXPECT_TRUE(p["values"]["message-id"].get<std::string>().ends_with("@example.org>"));
}

TEST(compose, now_is_now) {
    const auto p = sound(composed(small_draft()));
    const auto year =
        std::chrono::year_month_day(std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now()))
            .year();
    EXPECT_EQ(p["date"].get<std::string>().substr(0, 4), std::to_string(static_cast<int>(year)));
}

TEST(compose, message_ids_and_boundaries_do_not_repeat) {
    draft d = small_draft();
    d.html = "<p>x</p>";
    std::set<std::string> seen;
    for (int i = 0; i < 100000; ++i) {
        const std::string message = composed(d);
        const auto boundary = message.find("boundary=\"=_") + 12;
        const auto id = message.find("Message-ID: <") + 13;
        ASSERT_TRUE(seen.insert(message.substr(boundary, 32)).second);
        ASSERT_TRUE(seen.insert(message.substr(id, 32)).second);
    }
}

TEST(compose, a_boundary_that_stands_in_a_part_is_drawn_again) {
    for (const bool as_file : {false, true}) {
        unsigned char next = 0;
        composition how;
        how.random = [&](std::span<unsigned char> into) {
            std::fill(into.begin(), into.end(), next);
            ++next;
            return true;
        };
        draft d = small_draft();
        d.message_id = "x@y";
        const std::string hit = "=_" + std::string(32, '0'); // what the first draw gives
        std::string text(content::block_size - 20, 'a');
        for (std::size_t i = 80; i < text.size(); i += 80) {
            text[i] = '\n';
        }
        text += hit + "\n";
        const temporary_folder folder;
        d.text = as_file ? content::from_file(folder.file("text", text)).value() : content(text);
        d.attachments = {attached("x", "x")};
        EXPECT_EQ(sound(composed(d, how))["boundaries"],
                  strings{"=_" + std::string("0101010101010101") + "0101010101010101"});
        EXPECT_EQ(next, 2);
    }
}

TEST(compose, boundaries_of_one_message_differ) {
    unsigned draws = 0;
    composition how;
    how.random = [&](std::span<unsigned char> into) {
        std::fill(into.begin(), into.end(),
                  static_cast<unsigned char>(draws / 3)); // 0 0 0 1 1 1 ...: the first pairs are equal
        ++draws;
        return true;
    };
    draft d = small_draft();
    d.message_id = "x@y";
    d.html = "<p>x</p>";
    d.attachments = {attached("x", "x")};
    const auto boundaries = sound(composed(d, how))["boundaries"].get<strings>();
    ASSERT_EQ(boundaries.size(), 2U);
    EXPECT_NE(boundaries[0], boundaries[1]);
}

TEST(compose, a_random_source_that_fails_or_repeats_is_an_error) {
    draft d = small_draft();
    d.message_id = "x@y";
    d.text = "=_" + std::string(32, '0');
    d.attachments = {attached("x", "x")};
    composition how;
    how.random = [](std::span<unsigned char> into) {
        std::fill(into.begin(), into.end(), static_cast<unsigned char>(0));
        return true;
    };
    EXPECT_EQ(refused(d, how).first, errc::bad_message);
    how.random = [](std::span<unsigned char>) { return false; };
    EXPECT_EQ(refused(d, how).first, errc::bad_message);
    d.message_id.clear();
    EXPECT_NE(refused(d, how).second.find("Message-ID"), std::string::npos);
}

TEST(compose, attached_messages_are_never_encoded) {
    draft d = small_draft();
    const std::string inner = "From: x@y\r\nSubject: inner\r\n\r\nbody\r\n";
    d.attachments = {attached("m.eml", inner)};
    auto p = sound(composed(d));
    EXPECT_EQ(p["parts"][1]["type"], "message/rfc822");
    EXPECT_EQ(p["parts"][1]["encoding"], "7bit");
    EXPECT_EQ(part_octets(p, 1), inner);
    d.attachments = {attached("m.eml", inner + "gr\xC3\xBC\xC3\x9F\r\n")};
    EXPECT_EQ(refused(d).first, errc::needs_8bitmime);
    composition eight;
    eight.eight_bit = true;
    p = sound(composed(d, eight));
    EXPECT_EQ(p["encodings"], (strings{"8bit", "7bit", "8bit"}));
    d.attachments = {attached("m.eml", inner + std::string(999, 'x'))};
    EXPECT_EQ(refused(d, eight).first, errc::bad_message);
    d.attachments[0].media_type = "application/octet-stream";
    EXPECT_EQ(part_octets(sound(composed(d, eight)), 1), inner + std::string(999, 'x'));
}

TEST(compose, media_types_are_told_from_names_the_same_on_every_machine) {
    draft d = small_draft();
    d.attachments = {attached("A.PDF", ""),     attached("x.tar.gz", ""), attached("noending", ""),
                     attached("x.unknown", ""), attached("", ""),         attached("t.csv", "\xC3\xA4"),
                     attached("l.txt", "\xE4")};
    const auto p = sound(composed(d));
    strings types;
    for (const auto& part : p["parts"]) {
        types.push_back(part["type"]);
    }
    EXPECT_EQ(types,
              (strings{"text/plain", "application/pdf", "application/gzip", "application/octet-stream",
                       "application/octet-stream", "application/octet-stream", "text/csv", "text/plain"}));
    EXPECT_EQ(p["parts"][6]["parameters"]["charset"], "utf-8");
    EXPECT_FALSE(p["parts"][7]["parameters"].contains("charset")); // nobody knows
}

TEST(compose, wrong_values_are_refused_with_the_field_and_the_reason) {
    using change = std::function<void(draft&)>;
    struct row {
        change apply;
        errc error;
        std::string why;
    };
    const std::vector<row> rows{
        {[](draft& d) { d.from.clear(); }, errc::bad_address, "From: no address"},
        {[](draft& d) {
             d.from.push_back({"", "c@x"});
         },
         errc::bad_address, "Sender: must be set"},
        {[](draft& d) { d.from[0].addr_spec = "nobody"; }, errc::bad_address, "From: 'nobody'"},
        {[](draft& d) {
             d.sender = address{"", ""};
         },
         errc::bad_address, "Sender: ''"},
        {[](draft& d) { d.to[0].addr_spec = "x@y>\r\nBcc: z@w"; }, errc::bad_address,
         "To: 'x@y>\\x0d\\x0aBcc: z@w'"},
        {[](draft& d) { d.to[0].addr_spec = std::string(65, 'x') + "@y"; }, errc::address_too_long, "To: "},
        {[](draft& d) { d.to[0].display_name = "a\nb"; }, errc::bad_argument,
         "To: the display name 'a\\x0ab' holds a line break at octet 1"},
        {[](draft& d) {
             d.cc = {{"", "a@xn--0049"}};
         },
         errc::bad_address, "Cc: "},
        {[](draft& d) {
             d.bcc = {{"", "a b@c"}};
         },
         errc::bad_address, "Bcc: "},
        {[](draft& d) {
             d.bcc = {{std::string("\0", 1), "a@c"}};
         },
         errc::bad_argument, "Bcc: "},
        {[](draft& d) {
             d.reply_to = {{"", "@"}};
         },
         errc::bad_address, "Reply-To: "},
        {[](draft& d) { d.subject = "a\r\nBcc: x@y"; }, errc::bad_argument,
         "Subject: the value holds a line break at octet 1"},
        {[](draft& d) { d.subject = "\xC3"; }, errc::bad_argument, "Subject: the value is not valid UTF-8"},
        {[](draft& d) { d.subject = "\x1B[2J"; }, errc::bad_argument,
         "Subject: the value holds a control character at octet 0"},
        {[](draft& d) {
             d.date = date_time{std::chrono::sys_seconds(std::chrono::seconds(-3000000000)), {}};
         },
         errc::bad_argument, "Date: "},
        {[](draft& d) {
             d.date = date_time{std::chrono::sys_seconds(std::chrono::seconds(300000000000)), {}};
         },
         errc::bad_argument, "Date: "},
        {[](draft& d) {
             d.date = date_time{{}, std::chrono::hours(24)};
         },
         errc::bad_argument, "Date: "},
        {[](draft& d) { d.message_id = "no at"; }, errc::bad_argument, "Message-ID: 'no at'"},
        {[](draft& d) { d.message_id = "a@b>\r\nX: <c@d"; }, errc::bad_argument, "Message-ID: "},
        {[](draft& d) { d.message_id = "a@b@c"; }, errc::bad_argument, "Message-ID: 'a@b@c'"},
        {[](draft& d) { d.message_id = "=?utf-8?q?x?=@y"; }, errc::bad_argument, "Message-ID: "},
        {[](draft& d) {
             d.to = {{"", "=?utf-8?q?a=40b=3E?=@x"}};
         },
         errc::bad_address, "To: '=?utf-8?q?a=40b=3E?=@x' looks like"},
        {[](draft& d) { d.in_reply_to = {""}; }, errc::bad_argument, "In-Reply-To: ''"},
        {[](draft& d) {
             d.references = {"a@b", "<@b>"};
         },
         errc::bad_argument, "References: '<@b>'"},
        {[](draft& d) {
             d.extra = {{"X:Y", "v"}};
         },
         errc::bad_argument, "'X:Y' is not the name"},
        {[](draft& d) {
             d.extra = {{"", "v"}};
         },
         errc::bad_argument, "'' is not the name"},
        {[](draft& d) {
             d.extra = {{"X\r\nY", "v"}};
         },
         errc::bad_argument, "'X\\x0d\\x0aY' is not the name"},
        {[](draft& d) {
             d.extra = {{"bCC", "v"}};
         },
         errc::bad_argument, "bCC: cannot be given"},
        {[](draft& d) {
             d.extra = {{"Resent-Bcc", "v"}};
         },
         errc::bad_argument, "Resent-Bcc: cannot be given"},
        {[](draft& d) {
             d.extra = {{"Content-Language", "v"}};
         },
         errc::bad_argument, "Content-Language: cannot be given"},
        {[](draft& d) {
             d.priority = message_priority::low;
             d.extra = {{"importance", "v"}};
         },
         errc::bad_argument, "importance: cannot be given"},
        {[](draft& d) {
             d.extra = {{"X-A", "v\n"}};
         },
         errc::bad_argument, "X-A: the value holds a line break at octet 1"},
        {[](draft& d) { d.text = std::string("a\0b", 3); }, errc::content_has_nul, "text: holds a NUL"},
        {[](draft& d) { d.html = "\xED\xA0\x80"; }, errc::bad_argument, "html: is not valid UTF-8"},
        {[](draft& d) { d.attachments = {attached("../x", "")}; }, errc::bad_argument,
         "attachment 1: the file name holds a '/'"},
        {[](draft& d) {
             d.attachments = {attached("a", ""), attached("x\"\r\n", "")};
         },
         errc::bad_argument, "attachment 2: the filename holds a line break at octet 2"},
        {[](draft& d) { d.attachments = {attached("a\tb", "")}; }, errc::bad_argument,
         "attachment 1: the filename holds a tab"},
        {[](draft& d) {
             d.attachments = {attached("a", "")};
             d.attachments[0].media_type = "text/plain; charset=x";
         },
         errc::bad_argument, "attachment 1: 'text/plain; charset=x' is not a media type"},
        {[](draft& d) {
             d.attachments = {attached("a", "")};
             d.attachments[0].media_type = "Multipart/Mixed";
         },
         errc::bad_argument, "attachment 1: a multipart"},
        {[](draft& d) {
             d.attachments = {attached("a", "")};
             d.attachments[0].content_id = "a b";
         },
         errc::bad_argument, "attachment 1: the content id 'a b'"},
        {[](draft& d) {
             d.attachments = {attached("a", "")};
             d.attachments[0].parameters = {{"a*", "b"}};
         },
         errc::bad_argument, "attachment 1: 'a*' is not the name of a parameter"},
        {[](draft& d) {
             d.attachments = {attached("a", "")};
             d.attachments[0].parameters = {{"a", "b"}, {"A", "c"}};
         },
         errc::bad_argument, "attachment 1: 'A' is not the name of a parameter, or stands twice"},
    };
    for (const row& r : rows) {
        draft d = small_draft();
        r.apply(d);
        const auto [error, why] = refused(d);
        EXPECT_EQ(error, r.error) << r.why;
        EXPECT_TRUE(why.starts_with(r.why)) << why << "\nwanted: " << r.why;
    }
}

TEST(compose, what_cannot_be_read_any_more_is_an_error_wherever_it_is) {
    const temporary_folder folder;
    const auto stale = [&] {
        const std::string path = folder.file("gone", "12345678");
        auto c = content::from_file(path);
        folder.file("gone", "1");
        return c.value();
    };
    for (int where = 0; where < 4; ++where) {
        draft d = small_draft();
        d.attachments = {attached("x", "x")};
        (where == 0 ? d.text : where == 1 ? d.html : d.text) = where < 2 ? stale() : content("x");
        d.attachments[0].data = where < 2 ? content("x") : stale();
        d.attachments[0].media_type = where == 3 ? "text/plain" : "";
        const auto [error, why] = refused(d);
        EXPECT_EQ(error, errc::content_unreadable);
        EXPECT_FALSE(why.empty());
    }
    ASSERT_EQ(::setenv("TMPDIR", "/nonexistent/folder", 1), 0);
    draft d = small_draft();
    d.attachments = {attached("x", std::string(100000, 'x'))};
    composition how;
    how.spool_over = 1000;
    const auto [error, why] = refused(d, how);
    ::unsetenv("TMPDIR");
    EXPECT_EQ(error, errc::content_unreadable);
    EXPECT_NE(why.find("No such file"), std::string::npos) << why;
    EXPECT_EQ(attach_file(folder.path() + "/none").error(), errc::content_unreadable);
}

long peak_kib() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("VmHWM:")) {
            return std::stol(line.substr(6));
        }
    }
    return -1;
}

/// Runs in a process of its own, whose peak begins where it is.
long growth_of(const std::function<bool()>& work) {
    int ends[2];
    EXPECT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    if (child == 0) {
        const long before = peak_kib();
        const bool good = work();
        const long growth = good ? peak_kib() - before : -1;
        ::_exit(::write(ends[1], &growth, sizeof growth) == sizeof growth ? 0 : 1);
    }
    long growth = -1;
    EXPECT_EQ(::read(ends[0], &growth, sizeof growth), static_cast<ssize_t>(sizeof growth));
    ::close(ends[0]);
    ::close(ends[1]);
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return growth;
}

TEST(compose, twenty_five_megabytes_are_attached_in_bounded_memory) {
    const temporary_folder folder;
    std::mt19937_64 random(1);
    std::string octets(25U * 1024 * 1024, '\0');
    for (std::size_t i = 0; i + 8 <= octets.size(); i += 8) {
        const auto value = random();
        std::memcpy(octets.data() + i, &value, 8);
    }
    const std::string path = folder.file("large.bin", octets);
    const std::string out = folder.path() + "/message";
    octets = {};
    const long growth = growth_of([&] {
        draft d = small_draft();
        d.attachments = {attach_file(path).value()};
        const auto c = compose(d);
        if (!c) {
            return false;
        }
        std::ofstream message(out, std::ios::binary);
        content::reader reader = c->read();
        for (auto chunk = reader.next(); chunk && !chunk->empty(); chunk = reader.next()) {
            message.write(chunk->data(), static_cast<std::streamsize>(chunk->size()));
        }
        return message.good();
    });
    EXPECT_GE(growth, 0);
    EXPECT_LE(growth, most_growth_kib);
    const auto message = content::from_file(out);
    ASSERT_TRUE(message);
    const auto original = content::from_file(path);
    ASSERT_TRUE(original);
    const auto p = sound(octets_of(*message));
    draft bare = small_draft();
    bare.attachments = {attachment{}};
    bare.attachments[0].data = *original;
    composition binary;
    binary.binary = true;
    EXPECT_EQ(p["parts"][1]["sha256"], parse_with_python(composed(bare, binary))["parts"][1]["sha256"]);
    EXPECT_EQ(p["parts"][1]["file_name"], "large.bin");
}

} // namespace
} // namespace postrider::test
