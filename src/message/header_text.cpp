#include "header_text.hpp"

#include "gmime.hpp"
#include "utf8.hpp"

#include <algorithm>

namespace postrider {
namespace {

constexpr std::size_t line_length = 76;
constexpr std::size_t longest_word = 900; // with the longest field name still below 998
constexpr std::size_t longest_quoted = 60;
constexpr std::string_view word_start = "=?utf-8?";
constexpr std::string_view word_end = "?=";
constexpr std::size_t word_overhead = word_start.size() + 2 + word_end.size(); // 2 for "q?"
constexpr std::size_t word_room = 75 - word_overhead;                          // RFC 2047 2
constexpr std::size_t least_room = 12; // any one character, in Q or in B
constexpr std::size_t longest_name = line_length - 2 - word_overhead - least_room;
constexpr std::string_view hex = "0123456789ABCDEF";

constexpr bool is_alnum(char c) noexcept {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}
constexpr bool is_printable(char c) noexcept {
    return c >= 0x20 && c <= 0x7E;
}
constexpr bool is_one_of(std::string_view set, char c) noexcept {
    return set.find(c) != std::string_view::npos;
}
/// What Q may leave alone in a phrase (RFC 2047 5 (3)), and so everywhere.
constexpr bool is_q_safe(char c) noexcept {
    return is_alnum(c) || is_one_of("!*+-/", c);
}
/// RFC 2231 7 attribute-char.
constexpr bool is_attribute_char(char c) noexcept {
    return is_alnum(c) || is_one_of("!#$&+-.^_`{|}~", c);
}

/// Readers see exactly this text when it is written as it is, and every fold of it is harmless.
bool is_plain(std::string_view text) {
    return std::all_of(text.begin(), text.end(), is_printable) && !text.empty() && text.front() != ' ' &&
           text.back() != ' ' && text.find("  ") == std::string_view::npos && !looks_encoded(text);
}

header_tokens split(std::string_view text) {
    header_tokens words;
    for (;;) {
        const auto blank = text.find(' ');
        words.emplace_back(text.substr(0, blank));
        if (blank == std::string_view::npos) {
            return words;
        }
        text.remove_prefix(blank + 1);
    }
}

bool words_fit(const header_tokens& words, std::size_t longest) {
    return std::all_of(words.begin(), words.end(), [&](const std::string& w) { return w.size() <= longest; });
}

/// Takes one character off the front. The text is valid UTF-8.
std::string_view take_character(std::string_view& text) {
    std::size_t size = 1;
    while (size < text.size() && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) {
        ++size;
    }
    const std::string_view one = text.substr(0, size);
    text.remove_prefix(size);
    return one;
}

std::string q_encoded(std::string_view character) {
    std::string out;
    for (const char c : character) {
        const auto value = static_cast<unsigned char>(c);
        if (is_q_safe(c)) {
            out += c;
        } else if (c == ' ') {
            out += '_';
        } else {
            out += {'=', hex[value >> 4], hex[value & 15]};
        }
    }
    return out;
}

std::string percent_encoded(std::string_view character) {
    std::string out;
    for (const char c : character) {
        const auto value = static_cast<unsigned char>(c);
        if (is_attribute_char(c)) {
            out += c;
        } else {
            out += {'%', hex[value >> 4], hex[value & 15]};
        }
    }
    return out;
}

/// No character is split between two words (RFC 2047 5): each must decode alone.
header_tokens q_words(std::string_view text, std::size_t room) {
    header_tokens words;
    std::string current;
    const auto close = [&] {
        words.push_back(std::string(word_start) + "q?" + current + std::string(word_end));
    };
    while (!text.empty()) {
        const std::string next = q_encoded(take_character(text));
        if (current.size() + next.size() > room) {
            close();
            current.clear();
            room = word_room;
        }
        current += next;
    }
    close();
    return words;
}

header_tokens b_words(std::string_view text, std::size_t room) {
    header_tokens words;
    while (!text.empty()) {
        std::string_view rest = text;
        std::size_t size = 0;
        while (!rest.empty()) {
            const std::size_t next = take_character(rest).size();
            if (size + next > room / 4 * 3) {
                break;
            }
            size += next;
        }
        const glib_text encoded(g_base64_encode(reinterpret_cast<const guchar*>(text.data()), size));
        words.push_back(std::string(word_start) + "b?" + encoded.get() + std::string(word_end));
        text.remove_prefix(size);
        room = word_room;
    }
    return words;
}

/// Q where most of it stays readable, B where that is shorter.
header_tokens encoded_words(std::string_view text, std::size_t column) {
    const std::size_t taken = column + word_overhead;
    const std::size_t first_room =
        taken + least_room <= line_length ? std::min(word_room, line_length - taken) : word_room;
    const auto safe = static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return is_q_safe(c) || c == ' '; }));
    const std::size_t q_size = safe + (text.size() - safe) * 3;
    return q_size <= (text.size() + 2) / 3 * 4 ? q_words(text, first_room) : b_words(text, first_room);
}

bool is_encoded(std::string_view token) {
    return token.starts_with(word_start);
}

} // namespace

bool is_atext(char c) noexcept {
    return is_alnum(c) || is_one_of("!#$%&'*+-/=?^_`{|}~", c);
}

bool looks_encoded(std::string_view text) noexcept {
    return text.find("=?") != std::string_view::npos;
}

std::string header_objection(std::string_view text) {
    utf8_check encoding;
    encoding.feed(text);
    if (!encoding.valid()) {
        return "is not valid UTF-8";
    }
    const auto bad = std::find_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F;
    });
    if (bad == text.end()) {
        return {};
    }
    const std::string where = " at octet " + std::to_string(bad - text.begin()) + "; take it out";
    return (*bad == '\r' || *bad == '\n' ? "holds a line break"
            : *bad == '\0'               ? "holds a NUL"
                                         : "holds a control character") +
           where;
}

bool is_field_name(std::string_view name) {
    return !name.empty() && name.size() <= longest_name &&
           std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 0x7F && c != ':'; });
}

bool is_mime_token(std::string_view text) {
    return !text.empty() && text.size() <= line_length && std::all_of(text.begin(), text.end(), [](char c) {
        return is_printable(c) && !is_one_of(" ()<>@,;:\\\"/[]?=", c);
    });
}

header_tokens text_tokens(std::string_view text, std::size_t column) {
    if (text.empty()) {
        return {};
    }
    if (is_plain(text)) {
        auto words = split(text);
        if (words_fit(words, longest_word)) {
            return words;
        }
    }
    return encoded_words(text, column);
}

header_tokens phrase_tokens(std::string_view text, std::size_t column) {
    if (text.empty()) {
        return {};
    }
    if (!is_plain(text)) {
        return encoded_words(text, column);
    }
    const bool atoms = std::all_of(text.begin(), text.end(), [](char c) { return is_atext(c) || c == ' '; });
    if (atoms) {
        auto words = split(text);
        return words_fit(words, longest_quoted) ? words : encoded_words(text, column);
    }
    if (text.size() > longest_quoted) {
        return encoded_words(text, column);
    }
    std::string quoted = "\"";
    for (const char c : text) {
        quoted += is_one_of("\"\\", c) ? std::string{'\\', c} : std::string{c};
    }
    return {quoted + "\""};
}

header_tokens parameter_tokens(std::string_view name, std::string_view value) {
    const std::string attribute(name);
    // These three mean something in RFC 2231 only, but there are readers that look for them everywhere.
    const bool ambiguous = value.find_first_of("%'*") != std::string_view::npos || looks_encoded(value);
    if (is_mime_token(value) && !ambiguous && value.size() <= longest_quoted) {
        return {attribute + "=" + std::string(value)};
    }
    // Quoted pairs are where parsers differ, so what would need one goes the way of RFC 2231.
    const bool quotable = !ambiguous && std::all_of(value.begin(), value.end(), is_printable) &&
                          !value.starts_with(' ') && !value.ends_with(' ') &&
                          value.find_first_of("\"\\") == std::string_view::npos;
    if (quotable && value.size() <= longest_quoted) {
        return {attribute + "=\"" + std::string(value) + "\""};
    }
    const std::size_t room = line_length - attribute.size() - std::string_view(" *1000*=;").size();
    std::vector<std::string> sections{"utf-8''"};
    while (!value.empty()) {
        const std::string next = percent_encoded(take_character(value));
        if (sections.back().size() + next.size() > room) {
            sections.emplace_back();
        }
        sections.back() += next;
    }
    if (sections.size() == 1) {
        return {attribute + "*=" + sections.front()};
    }
    header_tokens tokens;
    for (std::size_t i = 0; i != sections.size(); ++i) {
        tokens.push_back(attribute + "*" + std::to_string(i) + "*=" + sections[i]);
    }
    return tokens;
}

void append_field(std::string& out, std::string_view name, const header_tokens& tokens) {
    out += name;
    out += ':';
    std::size_t column = name.size() + 1;
    bool first = true;
    for (const std::string& token : tokens) {
        // A lone first token stays beside the name, however long: some readers miss what stands on the next
        // line only. Encoded words may not, for their lines have a limit of their own.
        const bool breakable = !first || is_encoded(token);
        if (breakable && column + 1 + token.size() > line_length) {
            out += "\r\n";
            column = 0;
        }
        out += ' ';
        out += token;
        column += 1 + token.size();
        first = false;
    }
    out += "\r\n";
}

} // namespace postrider
