// Every field, against every octet and against every code point whose low octet is CR or LF: either an error,
// or the message reads back exactly what was put in and has the header fields it should have.
#include "support.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

namespace postrider::test {
namespace {

using strings = std::vector<std::string>;

struct field {
    std::string name;
    std::function<void(draft&, const std::string&)> put;
    /// What another parser found, and what it should have found.
    std::function<std::string(const nlohmann::json&)> found;
    std::function<std::string(const std::string&)> wanted = [](const std::string& text) { return text; };
};

std::string as_text(const nlohmann::json& value) {
    return value.is_string() ? value.get<std::string>() : value.dump();
}

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return text;
}

std::string as_crlf_text(const std::string& text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool ends = text[i] == '\r' || text[i] == '\n';
        i += text.substr(i, 2) == "\r\n" ? 1 : 0;
        out += ends ? "\r\n" : std::string(1, text[i]);
    }
    return out.ends_with("\r\n") ? out : out + "\r\n";
}

std::function<std::string(const nlohmann::json&)> value_of(const std::string& header) {
    return [header](const nlohmann::json& p) { return as_text(p["values"][header]); };
}

/// A draft that has a place for every field, and is valid while nothing is put in.
draft target() {
    draft d = small_draft();
    d.cc = {{"", "c@example.org"}};
    d.message_id = "id@example.org";
    d.in_reply_to = {"one@example.org"};
    d.references = {"two@example.org"};
    d.extra = {{"X-Value", "v"}, {"X-Name", "n"}};
    d.html = "<p>x</p>\r\n";
    d.attachments.resize(1);
    d.attachments[0].data = "octets";
    d.attachments[0].file_name = "file";
    d.attachments[0].media_type = "application/pdf";
    d.attachments[0].parameters = {{"p", "value"}, {"name-of", "n"}};
    d.attachments[0].content_id = "cid";
    return d;
}

const std::vector<field>& fields() {
    const auto first_address = [](const char* header, int which) {
        return [=](const nlohmann::json& p) { return as_text(p["addresses"][header][0][which]); };
    };
    const auto part = [](const nlohmann::json& p) { return p["parts"][2]; };
    static const std::vector<field> all{
        {"display name", [](draft& d, const std::string& s) { d.from[0].display_name = s; },
         first_address("from", 0)},
        {"local part", [](draft& d, const std::string& s) { d.to[0].addr_spec = s + "@example.org"; },
         first_address("to", 1), [](const std::string& s) { return s + "@example.org"; }},
        {"domain", [](draft& d, const std::string& s) { d.cc[0].addr_spec = "x@" + s + ".org"; },
         first_address("cc", 1),
         [](const std::string& s) { return ascii_mailbox("x@" + s + ".org").value_or(std::string("?")); }},
        {"subject", [](draft& d, const std::string& s) { d.subject = s; }, value_of("subject")},
        {"message id", [](draft& d, const std::string& s) { d.message_id = s + "@x"; },
         value_of("message-id"), [](const std::string& s) { return "<" + s + "@x>"; }},
        {"in reply to", [](draft& d, const std::string& s) { d.in_reply_to[0] = "x@" + s; },
         value_of("in-reply-to"), [](const std::string& s) { return "<x@" + s + ">"; }},
        {"references", [](draft& d, const std::string& s) { d.references[0] = s + "@x"; },
         value_of("references"), [](const std::string& s) { return "<" + s + "@x>"; }},
        {"extra value", [](draft& d, const std::string& s) { d.extra[0].value = s; }, value_of("x-value")},
        {"extra name", [](draft& d, const std::string& s) { d.extra[1].name = s; },
         [](const nlohmann::json& p) { return as_text(p["names"][9]); }},
        {"text", [](draft& d, const std::string& s) { d.text = s; },
         [](const nlohmann::json& p) { return decode_base64(p["parts"][0]["octets"]); }, as_crlf_text},
        {"html", [](draft& d, const std::string& s) { d.html = s; },
         [](const nlohmann::json& p) { return decode_base64(p["parts"][1]["octets"]); }, as_crlf_text},
        {"file name", [](draft& d, const std::string& s) { d.attachments[0].file_name = s; },
         [part](const nlohmann::json& p) { return as_text(part(p)["file_name"]); }},
        {"media type", [](draft& d, const std::string& s) { d.attachments[0].media_type = "x/" + s; },
         [part](const nlohmann::json& p) { return as_text(part(p)["type"]); },
         [](const std::string& s) { return "x/" + lower(s); }},
        {"parameter name", [](draft& d, const std::string& s) { d.attachments[0].parameters[1].name = s; },
         [part](const nlohmann::json& p) {
             auto parameters = part(p)["parameters"];
             parameters.erase("p");
             return parameters.size() == 1 ? parameters.begin().key() : parameters.dump();
         },
         lower},
        {"parameter value", [](draft& d, const std::string& s) { d.attachments[0].parameters[0].value = s; },
         [part](const nlohmann::json& p) { return as_text(part(p)["parameters"]["p"]); }},
        {"content id", [](draft& d, const std::string& s) { d.attachments[0].content_id = s; },
         [part](const nlohmann::json& p) { return as_text(part(p)["content_id"]); },
         [](const std::string& s) { return s.starts_with('<') ? s : "<" + s + ">"; }},
    };
    return all;
}

const strings& plain_names() {
    static const strings names{"Date",
                               "From",
                               "To",
                               "Cc",
                               "Subject",
                               "Message-ID",
                               "In-Reply-To",
                               "References",
                               "X-Value",
                               "X-Name",
                               "MIME-Version",
                               "Content-Type",
                               "Content-Transfer-Encoding"};
    return names;
}

/// The names of the header fields, read the simplest way; also looks for what must never be in a message.
strings names_of(const std::string& message) {
    strings names;
    for (std::size_t at = 0;;) {
        const std::size_t end = message.find("\r\n", at);
        const std::string line = message.substr(at, end - at);
        if (line.empty()) {
            return names;
        }
        EXPECT_NE(line.find_first_not_of(" \t"), std::string::npos);
        if (line[0] != ' ') {
            names.push_back(line.substr(0, line.find(':')));
        }
        at = end + 2;
    }
}

bool has_bare_line_end(const std::string& message) {
    for (std::size_t i = 0; i < message.size(); ++i) {
        const bool pair = message.compare(i, 2, "\r\n") == 0;
        if (!pair && (message[i] == '\r' || message[i] == '\n')) {
            return true;
        }
        i += pair ? 1 : 0;
    }
    return false;
}

std::string composed(const draft& d) {
    composition how;
    how.smtputf8 = true;
    const auto c = compose(d, how);
    return c ? octets_of(*c) : std::string{};
}

/// Puts the text into one field after the other; the fields that took it.
std::vector<const field*> takers(const std::string& text) {
    std::vector<const field*> found;
    for (const field& f : fields()) {
        draft d = target();
        f.put(d, text);
        const std::string message = composed(d);
        if (message.empty()) {
            continue;
        }
        found.push_back(&f);
        EXPECT_FALSE(has_bare_line_end(message)) << f.name;
        strings names = plain_names();
        names[9] = f.name == "extra name" ? text : names[9];
        EXPECT_EQ(names_of(message), names) << f.name << ": " << testing::PrintToString(text);
    }
    return found;
}

struct experiment {
    std::string text;
    std::vector<const field*> fields;
};

/// One message per text with all fields that took it; read by another parser.
void expect_read_back(const std::vector<experiment>& experiments) {
    strings messages;
    for (const experiment& e : experiments) {
        draft d = target();
        for (const field* f : e.fields) {
            f->put(d, e.text);
        }
        messages.push_back(composed(d));
    }
    const auto parsed = parse_with_python(messages);
    for (std::size_t i = 0; i != parsed.size(); ++i) {
        const auto text = testing::PrintToString(experiments[i].text);
        ASSERT_FALSE(parsed[i].is_null()) << text;
        EXPECT_EQ(parsed[i]["names"].size(), plain_names().size()) << text;
        EXPECT_EQ(parsed[i]["outline"].get<std::string>().substr(0, 11), "alternative") << text;
        for (const field* f : experiments[i].fields) {
            EXPECT_EQ(f->found(parsed[i]), f->wanted(experiments[i].text)) << f->name << ": " << text;
        }
    }
}

TEST(hostile, every_octet_in_every_field_is_refused_or_reads_back) {
    std::vector<experiment> experiments;
    std::size_t refusals = 0;
    for (int octet = 0; octet < 256; ++octet) {
        const std::string one(1, static_cast<char>(octet));
        for (const std::string& text : {one + "Ab", "A" + one + "b", "Ab" + one}) {
            experiment e{text, takers(text)};
            refusals += fields().size() - e.fields.size();
            const bool line_end = octet == '\r' || octet == '\n';
            const auto takes_line_ends = [](const field* f) {
                return f->name == "text" || f->name == "html";
            };
            EXPECT_TRUE(!line_end || std::all_of(e.fields.begin(), e.fields.end(), takes_line_ends)) << octet;
            EXPECT_TRUE(octet != 0 || e.fields.empty());
            EXPECT_TRUE(octet < 0x80 || e.fields.empty()); // alone it is not UTF-8
            if (!e.fields.empty()) {
                experiments.push_back(std::move(e));
            }
        }
    }
    EXPECT_GT(refusals, 0U);
    expect_read_back(experiments);
}

std::string utf8(unsigned cp) {
    const auto tail = [&](unsigned shift) { return static_cast<char>(0x80U | (cp >> shift & 0x3FU)); };
    if (cp < 0x80) {
        return {static_cast<char>(cp)};
    }
    if (cp < 0x800) {
        return {static_cast<char>(0xC0U | cp >> 6U), tail(0)};
    }
    if (cp < 0x10000) {
        return {static_cast<char>(0xE0U | cp >> 12U), tail(6), tail(0)};
    }
    return {static_cast<char>(0xF0U | cp >> 18U), tail(12), tail(6), tail(0)};
}

/// All fields that take UTF-8 at once.
std::string composed_with(const std::string& text) {
    draft d = target();
    for (const field& f : fields()) {
        const strings takes_utf8{"display name", "local part", "subject",   "extra value",
                                 "text",         "html",       "file name", "parameter value"};
        if (std::find(takes_utf8.begin(), takes_utf8.end(), f.name) != takes_utf8.end()) {
            f.put(d, text);
        }
    }
    return composed(d);
}

TEST(hostile, code_points_that_end_in_cr_or_lf_are_refused_or_read_back) {
    std::vector<experiment> sample;
    for (unsigned high = 0; high <= 0x10FF; ++high) {
        for (const unsigned low : {0x0AU, 0x0DU}) {
            const unsigned cp = high << 8U | low;
            const bool surrogate = cp >= 0xD800 && cp <= 0xDFFF;
            for (const std::string& text : {utf8(cp) + "Ab", "A" + utf8(cp) + "b", "Ab" + utf8(cp)}) {
                const std::string message = composed_with(text);
                ASSERT_EQ(message.empty(), surrogate || high == 0) << std::hex << cp;
                ASSERT_TRUE(message.empty() || names_of(message) == plain_names()) << std::hex << cp;
                ASSERT_FALSE(has_bare_line_end(message)) << std::hex << cp;
            }
            if (high % 16 == 0 || high < 4) {
                const std::string text = "A" + utf8(cp) + "b";
                sample.push_back({text, takers(text)});
                EXPECT_TRUE(!surrogate || sample.back().fields.empty());
            }
        }
    }
    expect_read_back(sample);
}

TEST(hostile, whole_header_lines_in_a_field_stay_in_it_or_are_refused) {
    std::vector<experiment> experiments;
    for (const char* text : {"x\r\nBcc: victim@example.org",
                             "x\nBcc: victim@example.org",
                             "x\rBcc: victim@example.org",
                             "\r\n\r\nbody",
                             "=?utf-8?q?x=0D=0ABcc:_v@x?=",
                             "=?utf-8?b?DQpCY2M6IHZAeA==?=",
                             "a\"; filename=\"b.exe",
                             "a\\",
                             "a\\\"b",
                             "utf-8''x%0D%0A",
                             "%0D%0ABcc: x",
                             "--=_x",
                             "x;y=z",
                             "(c)",
                             "\"",
                             "\"\"",
                             "a@b, c@d",
                             "<a@b>",
                             "a:b;",
                             "A=?utf-8?q?\?=b",
                             "\xE2\x80\xAE"
                             "cod.exe",
                             "\xF0\x9F\x98\x80\xF0\x9F\x98\x80",
                             "\xEF\xBB\xBF"
                             "x",
                             "a  b",
                             " a",
                             "a ",
                             "  ",
                             "'a'",
                             "?",
                             "==",
                             "_",
                             "a_b=20",
                             "=20",
                             "\xC2\xA0x\xC2\xA0"}) {
        experiments.push_back({text, takers(text)});
    }
    expect_read_back(experiments);
}

TEST(hostile, long_texts_keep_every_line_short) {
    std::vector<experiment> experiments;
    for (const std::string& unit :
         {std::string("x"), std::string("x "), std::string("\xC3\xA4"), std::string("\xF0\x9F\x98\x80"),
          std::string("\" \\"), std::string("=?")}) {
        for (const std::size_t count : {20U, 70U, 76U, 998U, 1200U}) {
            std::string text;
            for (std::size_t i = 0; i != count; ++i) {
                text += unit;
            }
            experiments.push_back({text, takers(text)});
            draft d = target();
            for (const field* f : experiments.back().fields) {
                f->put(d, text);
            }
            const auto traits = content(composed(d)).traits();
            ASSERT_TRUE(traits);
            EXPECT_LE(traits->longest_line, 998U);
        }
    }
    expect_read_back(experiments);
}

} // namespace
} // namespace postrider::test
